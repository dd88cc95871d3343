package phase

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"

	"epinio.io/e2e/builder/lifecycle/internal/api"
	"epinio.io/e2e/builder/lifecycle/internal/cli"
	"epinio.io/e2e/builder/lifecycle/internal/env"
	"epinio.io/e2e/builder/lifecycle/internal/format"
	"epinio.io/e2e/builder/lifecycle/internal/layer"
)

type builder struct {
	base
	env       *env.Env
	target    format.Target
	plan      format.Plan
	processes map[string]format.Process
	metadata  format.BuildMetadata
}

// NewBuilder runs the buildpacks of the group, one after the other.
func NewBuilder(in *cli.Inputs, log *cli.Logger) cli.Command {
	return &builder{base: base{in: in, log: log}, processes: map[string]format.Process{}}
}

// Args takes none.
func (b *builder) Args(args []string) error {
	if len(args) > 0 {
		return cli.Fail(cli.CodeInvalidArgs, "parse arguments", errors.New("received unexpected arguments"))
	}
	return nil
}

// Privileges refuses root, because the code of buildpacks runs here.
func (b *builder) Privileges() error { return refuseRoot("build") }

// Exec writes the layers and <layers>/config/metadata.toml.
func (b *builder) Exec() error {
	group, err := b.readGroup()
	if err != nil {
		return err
	}
	if err := format.Read(b.in.PlanPath, &b.plan); err != nil {
		return fmt.Errorf("failed to read plan file: %w", err)
	}
	analyzed, err := b.readAnalyzed()
	if err != nil {
		return cli.Fail(cli.CodeFailed, "reading analyzed.toml", err)
	}
	b.env = env.ForBuild(os.Environ())
	b.target = b.targetOrBuilder(analyzed.Target())
	if err := b.build(group); err != nil {
		return cli.FailUnlessCoded(cli.CodeBuild, "build", err)
	}
	b.metadata.Buildpacks = group
	b.metadata.Processes = b.sortedProcesses()
	b.metadata.ForPlatform(b.in.API.AtLeast(10))
	if err := format.Write(filepath.Join(b.in.LayersDir, "config", "metadata.toml"), b.metadata); err != nil {
		return fmt.Errorf("failed to write build metadata file: %w", err)
	}
	return nil
}

func (b *builder) build(group []format.Buildpack) error {
	if err := os.RemoveAll(filepath.Join(b.in.LayersDir, "sbom")); err != nil {
		return fmt.Errorf("cleaning layers SBOM directory: %w", err)
	}
	for _, buildpack := range group {
		descriptor, err := b.descriptorOf(buildpack)
		if err != nil {
			return err
		}
		if err := b.buildOne(descriptor); err != nil {
			return err
		}
	}
	if !b.in.API.AtLeast(9) {
		return nil
	}
	for _, purpose := range []string{"launch", "build"} {
		if err := format.WriteJSON(filepath.Join(b.in.LayersDir, "sbom", purpose, "sbom.legacy.json"), nil); err != nil {
			return fmt.Errorf("encoding %s bom: %w", purpose, err)
		}
	}
	return nil
}

func (b *builder) buildOne(descriptor *format.Descriptor) error {
	dir := filepath.Join(b.in.LayersDir, format.EscapeID(descriptor.Buildpack.ID))
	plan := b.plan.For(descriptor.Buildpack.ID)
	if err := b.run(descriptor, dir, plan); err != nil {
		return err
	}
	if err := b.adoptLayers(dir, descriptor.Buildpack.ID); err != nil {
		return err
	}
	if err := b.adoptMet(dir, plan); err != nil {
		return err
	}
	if b.in.API.AtLeast(8) {
		if err := collectSBOMs(b.in.LayersDir, descriptor); err != nil {
			return err
		}
	}
	return b.adoptLaunch(dir, descriptor)
}

// run calls bin/build; its output is the log that the user reads.
func (b *builder) run(descriptor *format.Descriptor, dir string, plan format.BuildpackPlan) error {
	scratch, err := os.MkdirTemp("", format.EscapeID(descriptor.Buildpack.ID)+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	planPath := filepath.Join(scratch, "plan.toml")
	if err := format.Write(planPath, plan); err != nil {
		return err
	}
	all, err := b.environmentOf(descriptor, b.env, b.target)
	if err != nil {
		return err
	}
	if version, _ := api.Parse(descriptor.API); version.AtLeast(8) {
		all.Set("CNB_BP_PLAN_PATH", planPath)
		all.Set("CNB_LAYERS_DIR", dir)
	}
	command := exec.Command(filepath.Join(descriptor.Dir, "bin", "build"), dir, b.in.PlatformDir, planPath)
	command.Dir, command.Env, command.Stdout, command.Stderr = b.in.AppDir, all.List(), os.Stdout, os.Stdout
	if err := command.Run(); err != nil {
		return cli.Fail(cli.CodeBuildpackFailed, "build", err)
	}
	return nil
}

// adoptLayers puts layers that serve nothing aside, and those for later buildpacks into their environment.
func (b *builder) adoptLayers(dir, buildpack string) error {
	layers, err := layer.DirsOf(b.in.LayersDir, buildpack)
	if err != nil {
		return err
	}
	for _, one := range layers {
		if one.Err != nil {
			return fmt.Errorf("failed to process buildpack layer: failed to decode layer metadata file: %w", one.Err)
		}
		types := one.Types
		if _, err := os.Stat(one.Path + ".toml"); err == nil && !types.Build && !types.Launch && !types.Cache {
			if err := os.Rename(one.Path, one.Path+".ignore"); err != nil && !os.IsNotExist(err) {
				return fmt.Errorf("failed to rename layer directory: %w", err)
			}
		}
		if !types.Build {
			continue
		}
		if err := b.addToEnvironment(one.Path); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) addToEnvironment(path string) error {
	if err := b.env.AddLayer(path); err != nil {
		return err
	}
	for _, sub := range []string{"env", "env.build"} {
		if err := b.env.AddDir(filepath.Join(path, sub), "override"); err != nil {
			return err
		}
	}
	return nil
}

// adoptMet takes what the buildpack fulfilled out of the plan: all it was asked for but what build.toml calls unmet.
func (b *builder) adoptMet(dir string, plan format.BuildpackPlan) error {
	var file struct {
		Unmet []format.Provide `toml:"unmet"`
	}
	if err := format.Read(filepath.Join(dir, "build.toml"), &file); err != nil && !os.IsNotExist(err) {
		return err
	}
	met := map[string]bool{}
	for _, entry := range plan.Entries {
		met[entry.Name] = true
	}
	for _, unmet := range file.Unmet {
		if !met[unmet.Name] {
			return fmt.Errorf("unmet.name '%s' must match a requested dependency", unmet.Name)
		}
	}
	for _, unmet := range file.Unmet {
		delete(met, unmet.Name)
	}
	b.plan = b.plan.Without(met)
	return nil
}

func (b *builder) sortedProcesses() []format.Process {
	sorted := []format.Process{}
	for _, process := range b.processes {
		process.Default = false
		sorted = append(sorted, process)
	}
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].Type < sorted[j].Type })
	return sorted
}
