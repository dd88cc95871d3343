package phase

import (
	"encoding/json"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"epinio.io/e2e/builder/lifecycle/internal/cli"
	"epinio.io/e2e/builder/lifecycle/internal/format"
	"epinio.io/e2e/builder/lifecycle/internal/layer"
	"epinio.io/e2e/builder/lifecycle/internal/registry"
)

// Labels that the programs write and read.
const (
	lifecycleLabel = "io.buildpacks.lifecycle.metadata"
	buildLabel     = "io.buildpacks.build.metadata"
	projectLabel   = "io.buildpacks.project.metadata"
	execEnvLabel   = "io.buildpacks.exec-env"
	cacheLabel     = "io.buildpacks.lifecycle.cache.metadata"
)

type analyzer struct{ base }

// NewAnalyzer looks at the registry before anything is built: may we read and write, what is there already.
func NewAnalyzer(in *cli.Inputs, log *cli.Logger) cli.Command {
	return &analyzer{base{in: in, log: log}}
}

// Args takes exactly one output image.
func (a *analyzer) Args(args []string) error {
	if len(args) != 1 {
		return cli.Fail(cli.CodeInvalidArgs, "parse arguments", fmt.Errorf("received %d arguments, but expected 1", len(args)))
	}
	a.in.OutputImage = args[0]
	if err := a.resolve(); err != nil {
		return cli.Fail(cli.CodeInvalidArgs, "resolve inputs", err)
	}
	return nil
}

func (a *analyzer) resolve() error {
	if a.in.OutputImage == "" {
		return errors.New("image argument is required")
	}
	if a.in.PreviousImage == "" {
		a.in.PreviousImage = a.in.OutputImage
	}
	if err := a.chooseRunImage(); err != nil {
		return err
	}
	a.warnOfLaunchCache()
	return a.checkReferences(append([]string{a.in.OutputImage}, a.in.Tags...))
}

// chooseRunImage takes the run image from the builder's run.toml (stack.toml in old APIs) if the platform names none: a mirror in the registry of the app, if there is one, saves copying its layers.
func (a *analyzer) chooseRunImage() error {
	if a.in.RunImage != "" {
		return nil
	}
	candidates, err := a.knownRunImages()
	if err != nil {
		return err
	}
	output, err := registry.ParseReference(a.in.OutputImage)
	if err != nil {
		return err
	}
	if err := a.connect(); err != nil {
		return err
	}
	near := []string{}
	for _, ref := range candidates {
		if parsed, err := registry.ParseReference(ref); err == nil && parsed.Context().RegistryStr() == output.Context().RegistryStr() {
			near = append(near, ref)
		}
	}
	for _, ref := range append(near, candidates...) {
		if a.client.Strict().CheckRead(ref) == nil {
			a.in.RunImage = ref
			return nil
		}
	}
	return errors.New("failed to find accessible run image")
}

func (a *analyzer) knownRunImages() ([]string, error) {
	if !a.in.API.AtLeast(12) {
		stack, err := a.readStack()
		if err != nil {
			return nil, err
		}
		if stack.RunImage.Image == "" {
			return nil, errors.New("missing run image metadata (-run-image)")
		}
		return append([]string{stack.RunImage.Image}, stack.RunImage.Mirrors...), nil
	}
	run, err := a.readRun()
	if err != nil {
		return nil, err
	}
	if len(run.Images) == 0 {
		return nil, errors.New("-run-image is required when there is no run metadata available")
	}
	return append([]string{run.Images[0].Image}, run.Images[0].Mirrors...), nil
}

// Privileges reads credentials, then becomes the user of the build.
func (a *analyzer) Privileges() error {
	if err := a.connect(); err != nil {
		return err
	}
	return becomeUser(a.in.UID, a.in.GID, a.in.LayersDir, a.in.CacheDir, a.in.LaunchCacheDir)
}

// Exec checks access and writes analyzed.toml.
func (a *analyzer) Exec() error {
	if err := a.checkAccess(); err != nil {
		return cli.Fail(cli.CodeAnalyze, "initialize analyzer", err)
	}
	analyzed, err := a.analyze()
	if err != nil {
		return cli.Fail(cli.CodeAnalyze, "analyze", err)
	}
	return a.writeAnalyzed(analyzed)
}

func (a *analyzer) checkAccess() error {
	for _, ref := range []string{a.in.PreviousImage, a.in.RunImage} {
		if err := a.client.CheckRead(ref); err != nil {
			return fmt.Errorf("validating registry read access: %w", err)
		}
	}
	for _, ref := range append([]string{a.in.CacheImage, a.in.OutputImage}, a.in.Tags...) {
		if ref == "" {
			continue
		}
		if err := a.client.CheckWrite(ref); err != nil {
			return fmt.Errorf("validating registry write access: %w", err)
		}
	}
	return nil
}

func (a *analyzer) analyze() (format.Analyzed, error) {
	analyzed := format.Analyzed{}
	previous, reference, err := a.identify(a.in.PreviousImage)
	if err != nil {
		return analyzed, fmt.Errorf("identifying previous image: %w", err)
	}
	analyzed.Previous = &format.ImageRef{Reference: reference}
	if reference != "" {
		if err := a.readPrevious(&analyzed, previous); err != nil {
			return analyzed, err
		}
	}
	runImage, reference, err := a.identify(a.in.RunImage)
	if err != nil {
		return analyzed, fmt.Errorf("identifying run image: %w", err)
	}
	analyzed.RunImage = &format.RunImage{Reference: reference}
	if !a.in.API.AtLeast(12) {
		return analyzed, nil
	}
	analyzed.RunImage.Image = a.in.RunImage
	analyzed.RunImage.Target, err = targetOf(runImage)
	if err == nil && analyzed.RunImage.Target.OS == "" {
		err = errors.New("failed to find OS in run image config")
	}
	return analyzed, err
}

// identify opens an image; one that is not there has no reference, and that is no error.
func (a *analyzer) identify(ref string) (v1.Image, string, error) {
	image, err := a.client.Open(ref)
	if err != nil {
		return nil, "", err
	}
	if !a.client.Exists(ref) {
		a.log.Infof("Image with name %q not found", ref)
		return image, "", nil
	}
	reference, err := registry.DigestRef(ref, image)
	return image, reference, err
}

// readPrevious takes over what the previous image says of its layers; an image that we cannot understand is as good as none.
func (a *analyzer) readPrevious(analyzed *format.Analyzed, previous v1.Image) error {
	if err := validate.Image(previous, validate.Fast); err != nil {
		a.log.Infof("Ignoring image %q because it was corrupt", a.in.PreviousImage)
		analyzed.Previous.Reference = ""
		return nil
	}
	text, err := registry.Label(previous, lifecycleLabel)
	if err != nil {
		return err
	}
	if text == "" {
		return nil
	}
	if json.Unmarshal([]byte(text), &analyzed.Layers) != nil {
		analyzed.Layers, analyzed.Previous.Reference = format.LayersMetadata{}, ""
		return nil
	}
	if analyzed.Layers.SBOM == nil || analyzed.Layers.SBOM.SHA == "" || a.in.SkipLayers || !a.in.API.AtLeast(8) {
		return nil
	}
	a.log.Infof("Restoring data for SBOM from previous image")
	if err := extractFrom(previous, analyzed.Layers.SBOM.SHA, a.in.LayersDir); err != nil {
		return fmt.Errorf("retrieving launch SBOM layer: %w", err)
	}
	return nil
}

func extractFrom(image v1.Image, diffID, layersDir string) error {
	hash, err := v1.NewHash(diffID)
	if err != nil {
		return err
	}
	content, err := image.LayerByDiffID(hash)
	if err != nil {
		return err
	}
	stream, err := content.Uncompressed()
	if err != nil {
		return err
	}
	defer stream.Close()
	return layer.Extract(stream, layersDir)
}

func targetOf(image v1.Image) (*format.Target, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	labels := config.Config.Labels
	target := &format.Target{ID: labels["io.buildpacks.base.id"], OS: config.OS, Arch: config.Architecture, Variant: config.Variant}
	name, version := labels["io.buildpacks.base.distro.name"], labels["io.buildpacks.base.distro.version"]
	if name != "" || version != "" {
		target.Distro = &format.Distro{Name: name, Version: version}
	}
	return target, nil
}
