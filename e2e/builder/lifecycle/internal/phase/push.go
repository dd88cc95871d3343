package phase

import (
	"fmt"
	"strings"

	"epinio.io/e2e/builder/lifecycle/internal/format"
	"epinio.io/e2e/builder/lifecycle/internal/layer"
)

// push writes all tags; if one of them fails, so does the build, but the others stay.
func (e *exporter) push() (format.ImageReport, error) {
	var report format.ImageReport
	tags := append([]string{e.in.OutputImage}, e.in.Tags...)
	e.log.Infof("Saving %s...", e.in.OutputImage)
	failures := map[string]error{}
	failed := []string{}
	for _, tag := range tags {
		if err := e.client.Push(tag, e.image.working); err != nil {
			failures[tag] = err
			failed = append(failed, fmt.Sprintf("[%s: %s]", tag, err))
		}
	}
	digest, err := e.image.working.Digest()
	if err != nil {
		return report, err
	}
	e.log.Infof("*** Images (%s):", digest)
	for _, tag := range tags {
		if failures[tag] != nil {
			e.log.Infof("      %s - %s", tag, failures[tag])
			continue
		}
		e.log.Infof("      %s", tag)
		report.Tags = append(report.Tags, tag)
	}
	if len(failed) > 0 {
		return report, fmt.Errorf("failed to write image to the following tags: %s", strings.Join(failed, ","))
	}
	report.Digest = digest.String()
	report.ManifestSize, err = e.image.working.Size()
	return report, err
}

// fillCache keeps the layers that buildpacks want to see again.
func (e *exporter) fillCache(group []format.Buildpack, store cache) error {
	if !store.exists() {
		e.log.Infof("Layer cache not found")
	}
	before, next := store.metadata(), format.CacheMetadata{}
	for _, buildpack := range group {
		dirs, err := layer.DirsOf(e.in.LayersDir, buildpack.ID)
		if err != nil {
			return fmt.Errorf("reading layers for buildpack '%s': %w", buildpack.ID, err)
		}
		kept := format.BuildpackLayers{ID: buildpack.ID, Version: buildpack.Version, Layers: map[string]format.LayerMetadata{}}
		for _, dir := range dirs {
			if dir.Err != nil || !dir.Types.Cache {
				continue
			}
			if !dir.HasContents() {
				e.log.Warnf("Failed to cache layer '%s' because it has no contents", dir.ID)
				continue
			}
			sha, err := e.cacheDirLayer(store, dir.ID, dir.Path, createdBy(dir, buildpack), before.For(buildpack.ID).Layers[dir.Name].SHA)
			if err != nil {
				e.log.Warnf("Failed to cache layer '%s': %s", dir.ID, err)
				continue
			}
			kept.Layers[dir.Name] = format.LayerMetadata{SHA: sha, LayerTypes: dir.Types}
		}
		next.Buildpacks = append(next.Buildpacks, kept)
	}
	if err := e.cacheSBOMs(store, before, &next); err != nil {
		return err
	}
	return store.commit(next)
}

func (e *exporter) cacheDirLayer(store cache, id, dir, createdBy, before string) (string, error) {
	packed, err := e.layers.Dir(id, dir, createdBy)
	if err != nil {
		return "", err
	}
	if packed.DiffID == before {
		e.log.Infof("Reusing cache layer '%s'", id)
	} else {
		e.log.Infof("Adding cache layer '%s'", id)
	}
	return packed.DiffID, store.add(packed, packed.DiffID == before)
}
