package phase

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"epinio.io/e2e/builder/lifecycle/internal/cli"
	"epinio.io/e2e/builder/lifecycle/internal/format"
	"epinio.io/e2e/builder/lifecycle/internal/registry"
)

const rebasableLabel = "io.buildpacks.rebasable"

type rebaser struct {
	base
	tags []string
	app  v1.Image
	made format.LayersMetadata
}

// NewRebaser puts the layers of an app upon another run image, without building anything.
func NewRebaser(in *cli.Inputs, log *cli.Logger) cli.Command {
	return &rebaser{base: base{in: in, log: log}}
}

// Args takes one output image and further tags, and reads the app's image.
func (r *rebaser) Args(args []string) error {
	if len(args) == 0 {
		return cli.Fail(cli.CodeInvalidArgs, "parse arguments", errors.New("at least one image argument is required"))
	}
	r.in.OutputImage, r.in.Tags, r.tags = args[0], args[1:], args
	if r.in.PreviousImage == "" {
		r.in.PreviousImage = r.in.OutputImage
	}
	if err := r.checkReferences(args); err != nil {
		return cli.Fail(cli.CodeInvalidArgs, "resolve inputs", err)
	}
	if err := r.connect(); err != nil {
		return err
	}
	if err := r.openApp(); err != nil {
		return cli.Fail(cli.CodeRebase, "set app image", err)
	}
	return nil
}

func (r *rebaser) openApp() error {
	var err error
	if r.app, err = r.client.Open(r.in.PreviousImage); err != nil {
		return err
	}
	if _, err := topLayer(r.app); err != nil {
		return errors.New("failed to access image to rebase")
	}
	text, err := registry.Label(r.app, lifecycleLabel)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(text), &r.made); err != nil {
		return fmt.Errorf("failed to unmarshal context of label '%s': %w", lifecycleLabel, err)
	}
	if r.in.RunImage == "" {
		r.in.RunImage = r.made.RunImage.Image
	}
	if r.in.RunImage == "" {
		return errors.New("-run-image is required when there is no run image metadata available")
	}
	return nil
}

// Privileges becomes the user of the build.
func (r *rebaser) Privileges() error { return becomeUser(r.in.UID, r.in.GID) }

// Exec pushes the image upon its new run image, and writes report.toml.
func (r *rebaser) Exec() error {
	run, err := r.client.Open(r.in.RunImage)
	if err != nil {
		return cli.Fail(cli.CodeFailed, "access run image", err)
	}
	if _, err := topLayer(run); err != nil {
		return cli.Fail(cli.CodeFailed, "access run image", nil)
	}
	image, err := r.rebase(run)
	if err != nil {
		return cli.Fail(cli.CodeRebase, "rebase", err)
	}
	pushing := &exporter{base: r.base, image: &appImage{working: image}}
	report, err := pushing.push()
	if err != nil {
		return cli.Fail(cli.CodeRebase, "rebase", err)
	}
	if err := format.Write(r.in.ReportPath, format.Report{Image: report}); err != nil {
		return cli.Fail(cli.CodeRebase, "write rebase report", err)
	}
	return nil
}

func (r *rebaser) rebase(run v1.Image) (v1.Image, error) {
	if err := r.validate(run); err != nil {
		return nil, err
	}
	before, err := upTo(r.app, r.made.RunImage.TopLayer)
	if err != nil {
		return nil, fmt.Errorf("rebase app image: %w", err)
	}
	image, err := mutate.Rebase(r.app, before, run)
	if err != nil {
		return nil, fmt.Errorf("rebase app image: %w", err)
	}
	if err := r.record(run); err != nil {
		return nil, err
	}
	text, err := json.Marshal(r.made)
	if err != nil {
		return nil, err
	}
	below, err := run.ConfigFile()
	if err != nil {
		return nil, err
	}
	created, err := r.app.ConfigFile()
	if err != nil {
		return nil, err
	}
	return changeConfig(image, func(config *v1.ConfigFile) {
		config.Created, config.Container = created.Created, ""
		config.OS, config.Architecture, config.OSVersion, config.Variant = below.OS, below.Architecture, below.OSVersion, below.Variant
		config.Config.Labels[lifecycleLabel] = string(text)
		syncLabels(below.Config.Labels, config.Config.Labels)
		config.History = historyOf(config)
		for i := range config.History {
			config.History[i] = v1.History{Created: created.Created}
		}
	})
}

func (r *rebaser) validate(run v1.Image) error {
	rebasable, err := registry.Label(r.app, rebasableLabel)
	if err != nil {
		return err
	}
	if rebasable == "false" && !r.in.Force {
		return errors.New("app image is not marked as rebasable; please provide -force to override")
	}
	was, err := targetOf(r.app)
	if err != nil {
		return err
	}
	is, err := targetOf(run)
	if err != nil {
		return err
	}
	if (was.OS != is.OS || was.Arch != is.Arch) && !r.in.Force {
		return errors.New("unable to satisfy target os/arch constraints; please provide -force to override")
	}
	return nil
}

// record writes down what a later rebase needs to know.
func (r *rebaser) record(run v1.Image) error {
	var err error
	if r.made.RunImage.TopLayer, err = topLayer(run); err != nil {
		return err
	}
	if r.made.RunImage.Reference, err = registry.DigestRef(r.in.RunImage, run); err != nil {
		return err
	}
	known := lists(r.made.RunImage.ImageMirrors, r.in.RunImage) || (r.made.Stack != nil && lists(r.made.Stack.RunImage, r.in.RunImage))
	if !r.in.API.AtLeast(12) || known {
		return nil
	}
	if !r.in.Force {
		return fmt.Errorf("rebase app image: new base image '%s' not found in existing run image metadata; please provide -force to override", r.in.RunImage)
	}
	r.log.Warnf("rebase app image: new base image '%s' not found in existing run image metadata: not found", r.in.RunImage)
	r.made.RunImage.ImageMirrors = format.ImageMirrors{Image: r.in.RunImage}
	r.made.Stack = &format.Stack{RunImage: r.made.RunImage.ImageMirrors}
	return nil
}

// upTo is the part of an image that its run image was: the layers up to that one, each with its history.
func upTo(image v1.Image, topLayer string) (v1.Image, error) {
	layers, err := image.Layers()
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	addenda := []mutate.Addendum{}
	for i, layer := range layers {
		diffID, err := layer.DiffID()
		if err != nil {
			return nil, err
		}
		addendum := mutate.Addendum{Layer: layer}
		if len(config.History) == len(layers) {
			addendum.History = config.History[i]
		}
		addenda = append(addenda, addendum)
		if diffID.String() == topLayer {
			return mutate.Append(empty.Image, addenda...)
		}
	}
	return nil, fmt.Errorf("could not find base layer %s in the image", topLayer)
}

func syncLabels(from, to map[string]string) {
	concerned := func(label string) bool {
		return strings.HasPrefix(label, "io.buildpacks.stack.") || strings.HasPrefix(label, "io.buildpacks.base.")
	}
	for label := range to {
		if concerned(label) {
			delete(to, label)
		}
	}
	for label, value := range from {
		if concerned(label) {
			to[label] = value
		}
	}
}
