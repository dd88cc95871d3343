package phase

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"epinio.io/e2e/builder/lifecycle/internal/cli"
	"epinio.io/e2e/builder/lifecycle/internal/env"
	"epinio.io/e2e/builder/lifecycle/internal/format"
)

type detector struct {
	base
	target  format.Target
	results map[string]detection
	notes   []note // shown in full only when nothing passes
}

type note struct {
	level cli.Level
	text  string
}

// detection is what one bin/detect had to say; code -1 means that it could not be asked.
type detection struct {
	code   int
	output string
	err    error
	plan   format.DetectPlan
}

const (
	passed  = 0
	failed  = 100
	unasked = -1
)

var (
	errNoneDetected = errors.New("no buildpacks participating")
	errErrored      = errors.New("buildpack(s) failed with err")
)

// NewDetector finds the first group of buildpacks that wants to build the app.
func NewDetector(in *cli.Inputs, log *cli.Logger) cli.Command {
	return &detector{base: base{in: in, log: log}, results: map[string]detection{}}
}

// Args takes none.
func (d *detector) Args(args []string) error {
	if len(args) > 0 {
		return cli.Fail(cli.CodeInvalidArgs, "parse arguments", errors.New("received unexpected arguments"))
	}
	return nil
}

// Privileges refuses root, because the code of buildpacks runs here.
func (d *detector) Privileges() error { return refuseRoot("detect") }

// Exec writes group.toml and plan.toml.
func (d *detector) Exec() error {
	analyzed, err := d.readAnalyzed()
	if err != nil {
		return cli.FailUnlessCoded(cli.CodeFailed, "initialize detector", err)
	}
	order, err := d.readOrder()
	if err != nil {
		return cli.FailUnlessCoded(cli.CodeFailed, "initialize detector", err)
	}
	d.target = analyzed.Target()
	group, plan, err := d.detect(order)
	d.show(err != nil)
	if err != nil {
		return d.explain(err)
	}
	if err := format.Write(d.in.GroupPath, format.Group{Group: group}); err != nil {
		return fmt.Errorf("failed to write group file: %w", err)
	}
	if err := format.Write(d.in.PlanPath, plan); err != nil {
		return fmt.Errorf("failed to write plan file: %w", err)
	}
	return nil
}

func (d *detector) explain(err error) error {
	switch {
	case errors.Is(err, errNoneDetected):
		d.log.Errorf("No buildpack groups passed detection.")
		d.log.Errorf("Please check that you are running against the correct path.")
		return cli.Fail(cli.CodeNoneDetected, "detect", err)
	case errors.Is(err, errErrored):
		d.log.Errorf("No buildpack groups passed detection.")
		return cli.Fail(cli.CodeDetectErrored, "detect", err)
	default:
		return cli.Fail(cli.CodeDetectInternal, "detect", err)
	}
}

func (d *detector) note(level cli.Level, format string, args ...any) {
	d.notes = append(d.notes, note{level, fmt.Sprintf(format, args...)})
}

func (d *detector) show(all bool) {
	for _, note := range d.notes {
		if all || note.level >= d.log.Level {
			d.log.Always(note.text)
		}
	}
}

func (d *detector) detect(order []format.Group) ([]format.Buildpack, format.Plan, error) {
	verdict := errNoneDetected
	for _, group := range order {
		members, plan, err := d.detectGroup(group.Group)
		switch {
		case errors.Is(err, errErrored):
			verdict = errErrored
		case errors.Is(err, errNoneDetected):
		default:
			return members, plan, err
		}
	}
	return nil, format.Plan{}, verdict
}

// detectGroup asks every member, then looks for a set of them whose requirements all are met.
func (d *detector) detectGroup(group []format.Buildpack) ([]format.Buildpack, format.Plan, error) {
	members, seen := []format.Buildpack{}, map[string]bool{}
	for _, member := range group {
		if seen[member.ID] {
			continue
		}
		seen[member.ID] = true
		descriptor, err := d.descriptorOf(member)
		if err != nil {
			return nil, format.Plan{}, err
		}
		if _, asked := d.results[member.String()]; !asked {
			d.results[member.String()] = d.ask(descriptor, member.Optional)
		}
		member.API, member.Homepage = descriptor.API, descriptor.Buildpack.Homepage
		members = append(members, member)
	}
	candidates, err := d.judge(members)
	if err != nil {
		return nil, format.Plan{}, err
	}
	chosen, plan, ok := resolvePlan(candidates, func(text string) { d.note(cli.Debug, "%s", text) })
	if !ok {
		return nil, format.Plan{}, errNoneDetected
	}
	if len(chosen) < len(members) {
		d.note(cli.Info, "%d of %d buildpacks participating", len(chosen), len(members))
	}
	d.noteParticipants(chosen)
	return chosen, plan, nil
}

func (d *detector) noteParticipants(chosen []format.Buildpack) {
	width := 0
	for _, member := range chosen {
		width = max(width, len(member.ID))
	}
	for _, member := range chosen {
		d.note(cli.Info, "%-*s %s", width, member.ID, member.Version)
	}
}

// judge notes how each member answered, and keeps those that passed.
func (d *detector) judge(members []format.Buildpack) ([]candidate, error) {
	for _, member := range members {
		d.noteOutput(member, d.results[member.String()])
	}
	d.note(cli.Debug, "======== Results ========")
	candidates, missing, errored := []candidate{}, false, false
	for _, member := range members {
		result := d.results[member.String()]
		switch {
		case result.code == passed:
			d.note(cli.Debug, "pass: %s", member)
			candidates = append(candidates, candidate{member, append([]format.PlanSections{result.plan.PlanSections}, result.plan.Or...)})
			continue
		case result.code == failed && member.Optional:
			d.note(cli.Debug, "skip: %s", member)
		case result.code == failed:
			d.note(cli.Debug, "fail: %s", member)
		case result.code == unasked:
			d.note(cli.Info, "err:  %s", member)
			errored = true
		default:
			d.note(cli.Info, "err:  %s (%d)", member, result.code)
			errored = true
		}
		missing = missing || !member.Optional
	}
	switch {
	case missing && errored:
		return nil, errErrored
	case missing:
		return nil, errNoneDetected
	case len(candidates) == 0:
		d.note(cli.Debug, "fail: no viable buildpacks in group")
		return nil, errNoneDetected
	}
	return candidates, nil
}

func (d *detector) noteOutput(member format.Buildpack, result detection) {
	level := cli.Info
	if result.code == passed || result.code == failed {
		level = cli.Debug
	}
	if result.output != "" {
		d.note(level, "======== Output: %s ========", member)
		d.note(level, "%s", result.output)
	}
	if result.err != nil {
		d.note(level, "======== Error: %s ========", member)
		d.note(level, "%s", result.err)
	}
}

// ask runs bin/detect in the app directory; an optional buildpack may judge for itself whether it suits the target.
func (d *detector) ask(descriptor *format.Descriptor, optional bool) detection {
	d.target = d.targetOrBuilder(d.target)
	if d.in.API.AtLeast(12) && !optional && !suits(descriptor, d.target) {
		return detection{code: unasked, err: errors.New("unable to satisfy target os/arch constraints")}
	}
	dir, err := os.MkdirTemp("", "plan.")
	if err != nil {
		return detection{code: unasked, err: err}
	}
	defer os.RemoveAll(dir)
	planPath := filepath.Join(dir, "plan.toml")
	if err := os.WriteFile(planPath, nil, 0o600); err != nil {
		return detection{code: unasked, err: err}
	}
	all, err := d.environmentOf(descriptor, env.ForBuild(os.Environ()), d.target)
	if err != nil {
		return detection{code: unasked, err: err}
	}
	all.Set("CNB_BUILD_PLAN_PATH", planPath)
	output := &bytes.Buffer{}
	command := exec.Command(filepath.Join(descriptor.Dir, "bin", "detect"), d.in.PlatformDir, planPath)
	command.Dir, command.Env, command.Stdout, command.Stderr = d.in.AppDir, all.List(), output, output
	err = command.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return detection{code: exit.ExitCode(), output: output.String()}
	}
	if err != nil {
		return detection{code: unasked, err: err, output: output.String()}
	}
	result := detection{output: output.String()}
	if err := format.Read(planPath, &result.plan); err != nil {
		return detection{code: unasked, err: err, output: output.String()}
	}
	return result
}
