package phase

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"epinio.io/e2e/builder/lifecycle/internal/cli"
	"epinio.io/e2e/builder/lifecycle/internal/format"
	"epinio.io/e2e/builder/lifecycle/internal/layer"
)

const launcherPath = "/cnb/lifecycle/launcher"

type exporter struct {
	base
	analyzed format.Analyzed
	runImage string
	project  format.ProjectMetadata
	metadata format.BuildMetadata
	layers   *layer.Factory
	mirrors  format.ImageMirrors
	image    *appImage
}

// NewExporter makes the app's image out of the run image and the layers, and pushes it.
func NewExporter(in *cli.Inputs, log *cli.Logger) cli.Command {
	return &exporter{base: base{in: in, log: log}}
}

// Args takes one output image and further tags.
func (e *exporter) Args(args []string) error {
	if len(args) == 0 {
		return cli.Fail(cli.CodeInvalidArgs, "parse arguments", errors.New("at least one image argument is required"))
	}
	e.in.OutputImage, e.in.Tags = args[0], args[1:]
	if err := e.resolve(); err != nil {
		return cli.Fail(cli.CodeInvalidArgs, "resolve inputs", err)
	}
	return nil
}

func (e *exporter) resolve() error {
	if e.in.OutputImage == "" {
		return errors.New("image argument is required")
	}
	if e.in.RunImage != os.Getenv("CNB_RUN_IMAGE") {
		return errors.New("-run-image is unsupported")
	}
	if e.in.DeprecatedImage != "" {
		return errors.New("-image is unsupported")
	}
	var err error
	if e.analyzed, err = e.readAnalyzed(); err != nil {
		return err
	}
	if e.analyzed.RunImage == nil || e.analyzed.RunImage.Reference == "" {
		return errors.New("run image not found in analyzed metadata")
	}
	if e.analyzed.RunImage.Extend {
		return errors.New("an extended run image is not supported by this test lifecycle")
	}
	e.runImage = e.analyzed.RunImage.Reference
	e.in.RunImage = e.runImage
	e.warnIfNoCache()
	e.warnOfLaunchCache()
	return e.checkReferences(append([]string{e.in.OutputImage}, e.in.Tags...))
}

// Privileges reads credentials, then becomes the user of the build.
func (e *exporter) Privileges() error {
	if err := e.connect(); err != nil {
		return err
	}
	return becomeUser(e.in.UID, e.in.GID, e.in.CacheDir, e.in.LaunchCacheDir)
}

// Exec pushes the image, writes report.toml and then fills the cache, whose failure is only a warning.
func (e *exporter) Exec() error {
	group, err := e.readGroup()
	if err != nil {
		return err
	}
	store, err := e.openCache()
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "lifecycle.exporter.layer")
	if err != nil {
		return cli.Fail(cli.CodeFailed, "create temp directory", err)
	}
	defer os.RemoveAll(scratch)
	e.layers = &layer.Factory{Scratch: scratch, UID: e.in.UID, GID: e.in.GID}
	if err := e.readProject(); err != nil {
		return err
	}
	if err := e.openImage(); err != nil {
		return err
	}
	if e.mirrors, err = e.findMirrors(); err != nil {
		return err
	}
	report, err := e.export(group)
	if err != nil {
		return cli.Fail(cli.CodeExport, "export", err)
	}
	if err := format.Write(e.in.ReportPath, report); err != nil {
		return cli.Fail(cli.CodeExport, "write export report", fmt.Errorf("failed to write report file: %w", err))
	}
	if store == nil {
		return nil
	}
	if err := e.fillCache(group, store); err != nil {
		e.log.Warnf("Failed to export cache: %v", err)
	}
	return nil
}

func (e *exporter) readProject() error {
	err := format.Read(e.in.ProjectMetadataPath, &e.project)
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("failed to read project metadata file: %w", err)
	}
	return nil
}

// export adds the layers in an order that never changes, then the configuration, then pushes.
func (e *exporter) export(group []format.Buildpack) (format.Report, error) {
	var report format.Report
	if err := e.copyLauncherSBOMs(); err != nil {
		return report, err
	}
	path := filepath.Join(e.in.LayersDir, "config", "metadata.toml")
	if err := format.Read(path, &e.metadata); err != nil {
		return report, fmt.Errorf("read build metadata: failed to read build metadata file: %w", err)
	}
	e.metadata.ForPlatform(e.in.API.AtLeast(10))
	labels, err := e.addLayers(group)
	if err != nil {
		return report, err
	}
	if err := e.configure(labels); err != nil {
		return report, err
	}
	report.Image, err = e.push()
	return report, err
}

// addLayers returns what the image's label says of its layers.
func (e *exporter) addLayers(group []format.Buildpack) (format.LayersMetadata, error) {
	made, err := e.runImageMetadata()
	if err != nil {
		return made, err
	}
	for _, buildpack := range group {
		layers, err := e.addBuildpackLayers(buildpack)
		if err != nil {
			return made, err
		}
		made.Buildpacks = append(made.Buildpacks, layers)
	}
	if err := e.addSBOMLayer(&made); err != nil {
		return made, err
	}
	if err := e.addAppLayer(&made); err != nil {
		return made, fmt.Errorf("exporting app layers: %w", err)
	}
	return made, e.addLauncherLayers(&made)
}

func (e *exporter) addBuildpackLayers(buildpack format.Buildpack) (format.BuildpackLayers, error) {
	made := format.BuildpackLayers{ID: buildpack.ID, Version: buildpack.Version, Layers: map[string]format.LayerMetadata{}}
	var err error
	if made.Store, err = layer.ReadStore(e.in.LayersDir, buildpack.ID); err != nil {
		return made, fmt.Errorf("reading layers for buildpack '%s': %w", buildpack.ID, err)
	}
	dirs, err := layer.DirsOf(e.in.LayersDir, buildpack.ID)
	if err != nil {
		return made, fmt.Errorf("reading layers for buildpack '%s': %w", buildpack.ID, err)
	}
	for _, dir := range dirs {
		if dir.Err != nil {
			return made, fmt.Errorf("failed to parse metadata for layers '[%s]'", dir.ID)
		}
		if !dir.Types.Launch {
			continue
		}
		sha, err := e.addBuildpackLayer(buildpack, dir)
		if err != nil {
			return made, err
		}
		made.Layers[dir.Name] = format.LayerMetadata{SHA: sha, LayerTypes: dir.Types}
	}
	return made, nil
}

// addBuildpackLayer adds what is on disk, or takes a layer whose contents the buildpack left away out of the previous image.
func (e *exporter) addBuildpackLayer(buildpack format.Buildpack, dir layer.Dir) (string, error) {
	createdBy := createdBy(dir, buildpack)
	before, known := e.analyzed.Layers.For(buildpack.ID).Layers[dir.Name]
	if dir.HasContents() {
		packed, err := e.layers.Dir(dir.ID, dir.Path, createdBy)
		if err != nil {
			return "", fmt.Errorf("creating layer: %w", err)
		}
		return packed.DiffID, e.addOrReuse(packed, before.SHA)
	}
	switch {
	case dir.Types.Cache:
		return "", fmt.Errorf("layer '%s' is cache=true but has no contents", dir.ID)
	case !known:
		return "", fmt.Errorf("cannot reuse '%s', previous image has no metadata for layer '%s'", dir.ID, dir.ID)
	}
	e.log.Infof("Reusing layer '%s'", dir.ID)
	if err := e.image.reuse(before.SHA, createdBy); err != nil {
		return "", fmt.Errorf("reusing layer: '%s': %w", dir.ID, err)
	}
	return before.SHA, nil
}

func createdBy(dir layer.Dir, buildpack format.Buildpack) string {
	return fmt.Sprintf("Layer: '%s', Created by buildpack: %s", dir.Name, buildpack)
}

func (e *exporter) addOrReuse(packed layer.Layer, before string) error {
	if packed.DiffID == before {
		e.log.Infof("Reusing layer '%s'", packed.ID)
		return e.image.reuse(before, packed.CreatedBy)
	}
	e.log.Infof("Adding layer '%s'", packed.ID)
	return e.image.add(packed)
}
