package phase

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"

	"epinio.io/e2e/builder/lifecycle/internal/cli"
	"epinio.io/e2e/builder/lifecycle/internal/format"
	"epinio.io/e2e/builder/lifecycle/internal/layer"
)

type restorer struct {
	base
	analyzed format.Analyzed
	cached   format.CacheMetadata
	shas     map[string]string // layer id → diff id in the place its metadata came from
}

// NewRestorer gives buildpacks back what earlier builds left for them.
func NewRestorer(in *cli.Inputs, log *cli.Logger) cli.Command {
	return &restorer{base: base{in: in, log: log}, shas: map[string]string{}}
}

// Args takes none.
func (r *restorer) Args(args []string) error {
	if len(args) > 0 {
		return cli.Fail(cli.CodeInvalidArgs, "parse arguments", errors.New("received unexpected Args"))
	}
	r.warnIfNoCache()
	return nil
}

// Privileges reads credentials, then becomes the user of the build.
func (r *restorer) Privileges() error {
	if err := r.connect(); err != nil {
		return err
	}
	return becomeUser(r.in.UID, r.in.GID, r.in.LayersDir, r.in.CacheDir)
}

// Exec writes <layers>/<buildpack>/<layer>.toml and the contents of cached layers.
func (r *restorer) Exec() error {
	group, err := r.readGroup()
	if err != nil {
		return err
	}
	if r.analyzed, err = r.readAnalyzed(); err != nil {
		r.log.Warnf("Not using analyzed data, usable file not found: %s", err)
	} else if err := r.checkRunImage(); err != nil {
		return err
	} else if err := r.writeAnalyzed(r.analyzed); err != nil {
		return cli.Fail(cli.CodeFailed, "write analyzed metadata", err)
	}
	store, err := r.openCache()
	if err != nil {
		return err
	}
	if err := r.restore(group, store); err != nil {
		return cli.Fail(cli.CodeRestore, "restore", err)
	}
	return nil
}

// checkRunImage makes sure, from API 0.14 on, that a run image of run.toml can still be read.
func (r *restorer) checkRunImage() error {
	if !r.in.API.AtLeast(14) || r.analyzed.RunImage == nil {
		return nil
	}
	run, err := r.readRun()
	if err != nil {
		return err
	}
	for _, entry := range run.Images {
		if ref := r.analyzed.RunImage.Image; lists(entry, ref) && r.client.Strict().CheckRead(ref) != nil {
			return fmt.Errorf("selected run image '%s' is not accessible", ref)
		}
	}
	return nil
}

func (r *restorer) restore(group []format.Buildpack, store cache) error {
	if store != nil {
		if !store.exists() {
			r.log.Infof("Layer cache not found")
		}
		r.cached = store.metadata()
	}
	for _, buildpack := range group {
		if err := r.restoreStore(buildpack); err != nil {
			return err
		}
	}
	if r.in.SkipLayers {
		r.log.Infof("Skipping buildpack layer analysis")
	} else {
		for _, buildpack := range group {
			if err := r.restoreMetadata(buildpack.ID); err != nil {
				return err
			}
		}
	}
	for _, buildpack := range group {
		if err := r.restoreContents(buildpack.ID, store); err != nil {
			return fmt.Errorf("restoring data: %w", err)
		}
	}
	return r.restoreSBOMs(group, store)
}

func (r *restorer) restoreStore(buildpack format.Buildpack) error {
	store := r.analyzed.Layers.For(buildpack.ID).Store
	if store == nil {
		return nil
	}
	return format.Write(filepath.Join(r.in.LayersDir, format.EscapeID(buildpack.ID), "store.toml"), store)
}

// restoreMetadata writes <layer>.toml for layers of the previous image first, then for those that only the cache knows.
func (r *restorer) restoreMetadata(buildpack string) error {
	inApp, inCache := r.analyzed.Layers.For(buildpack).Layers, r.cached.For(buildpack).Layers
	for _, name := range sortedNames(inApp) {
		if usableFromApp(inApp[name], inCache[name]) {
			if err := r.writeMetadata(buildpack, name, inApp[name], "app image"); err != nil {
				return err
			}
		}
	}
	for _, name := range sortedNames(inCache) {
		_, known := inApp[name]
		// A cached layer that is also in the image is trusted without the image only from API 0.14 on.
		if !inCache[name].Cache || (inCache[name].Launch && (known || !r.in.API.AtLeast(14))) {
			continue
		}
		if err := r.writeMetadata(buildpack, name, inCache[name], "cache"); err != nil {
			return err
		}
	}
	return nil
}

// usableFromApp: a layer that later buildpacks need must be there with its contents, which the image alone cannot give.
func usableFromApp(inApp, inCache format.LayerMetadata) bool {
	if !inApp.Launch || (inApp.Build && !inApp.Cache) {
		return false
	}
	return !inApp.Cache || inCache.Cache
}

func (r *restorer) writeMetadata(buildpack, name string, metadata format.LayerMetadata, from string) error {
	dir := layer.At(r.in.LayersDir, buildpack, name)
	r.log.Infof("Restoring metadata for %q from %s", dir.ID, from)
	r.shas[dir.ID] = metadata.SHA
	return dir.WriteData(metadata.Data)
}

// restoreContents unpacks cached layers that are still the ones the metadata speaks of.
func (r *restorer) restoreContents(buildpack string, store cache) error {
	dirs, err := layer.DirsOf(r.in.LayersDir, buildpack)
	if err != nil {
		return err
	}
	cached := r.cached.For(buildpack).Layers
	for _, dir := range dirs {
		if !cached[dir.Name].Cache {
			continue
		}
		if r.shas[dir.ID] != cached[dir.Name].SHA {
			r.log.Infof("Removing %q, wrong sha", dir.ID)
			if err := dir.Remove(); err != nil {
				return err
			}
			continue
		}
		r.log.Infof("Restoring data for %q from cache", dir.ID)
		if err := r.unpack(store, cached[dir.Name].SHA); err != nil {
			if errors.Is(err, errNotInCache) {
				r.log.Warnf("Skipping restore for layer %s: %s", dir.ID, err)
				continue
			}
			return fmt.Errorf("restoring layer %s: %w", dir.ID, err)
		}
	}
	return nil
}

func (r *restorer) unpack(store cache, diffID string) error {
	stream, err := store.open(diffID)
	if err != nil {
		return err
	}
	defer stream.Close()
	return layer.Extract(stream, r.in.LayersDir)
}

func (r *restorer) restoreSBOMs(group []format.Buildpack, store cache) error {
	if r.in.SkipLayers || !r.in.API.AtLeast(8) {
		return nil
	}
	if sha := r.cached.SBOM.SHA; sha != "" {
		r.log.Infof("Restoring data for SBOM from cache")
		if err := r.unpack(store, sha); err != nil {
			return err
		}
	}
	if err := handBackSBOMs(r.in.LayersDir, group); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

func sortedNames(layers map[string]format.LayerMetadata) []string {
	names := make([]string, 0, len(layers))
	for name := range layers {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
