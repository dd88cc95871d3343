package phase

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"epinio.io/e2e/builder/lifecycle/internal/format"
	"epinio.io/e2e/builder/lifecycle/internal/layer"
)

var sbomMediaTypes = map[string]string{
	"sbom.cdx.json":  "application/vnd.cyclonedx+json",
	"sbom.spdx.json": "application/spdx+json",
	"sbom.syft.json": "application/vnd.syft+json",
}

// collectSBOMs copies the bills of material that a buildpack left beside its layers to <layers>/sbom/<what they are for>/<buildpack>/.
func collectSBOMs(layersDir string, descriptor *format.Descriptor) error {
	dir := filepath.Join(layersDir, format.EscapeID(descriptor.Buildpack.ID))
	found, err := filepath.Glob(filepath.Join(dir, "*.sbom.*.json"))
	if err != nil {
		return err
	}
	for _, path := range found {
		name, file, _ := strings.Cut(filepath.Base(path), ".")
		if !declared(descriptor.Buildpack.SBOM, sbomMediaTypes[file]) {
			return fmt.Errorf("validating SBOM file '%s' for buildpack: '%s@%s': undeclared SBOM media type: '%s'", path, descriptor.Buildpack.ID, descriptor.Buildpack.Version, sbomMediaTypes[file])
		}
		for _, purpose := range purposesOf(layersDir, descriptor.Buildpack.ID, name) {
			target := filepath.Join(layersDir, "sbom", purpose, format.EscapeID(descriptor.Buildpack.ID), sbomLayerName(name), file)
			if err := copyFile(path, target); err != nil {
				return err
			}
		}
	}
	return nil
}

func declared(formats []string, mediaType string) bool {
	for _, one := range formats {
		if one, _, _ = strings.Cut(one, ";"); mediaType != "" && one == mediaType {
			return true
		}
	}
	return false
}

// purposesOf: build.sbom.* and launch.sbom.* speak of the whole, all others of the layer of that name.
func purposesOf(layersDir, buildpack, name string) []string {
	if name == "build" || name == "launch" {
		return []string{name}
	}
	types := layer.At(layersDir, buildpack, name).Types
	purposes := []string{"build"}
	if types.Launch {
		purposes = []string{"launch"}
	}
	if types.Cache {
		purposes = append(purposes, "cache")
	}
	return purposes
}

func sbomLayerName(name string) string {
	if name == "build" || name == "launch" {
		return ""
	}
	return name
}

// handBackSBOMs gives each buildpack the bills of its restored layers and removes what is left.
func handBackSBOMs(layersDir string, group []format.Buildpack) error {
	defer os.RemoveAll(filepath.Join(layersDir, "sbom"))
	for _, purpose := range []string{"cache", "launch"} {
		for _, buildpack := range group {
			id := format.EscapeID(buildpack.ID)
			home := filepath.Join(layersDir, id)
			if _, err := os.Stat(home); err != nil {
				continue
			}
			found, err := filepath.Glob(filepath.Join(layersDir, "sbom", purpose, id, "*", "sbom.*.json"))
			if err != nil {
				return err
			}
			for _, path := range found {
				target := filepath.Base(filepath.Dir(path)) + "." + filepath.Base(path)
				if err := copyFile(path, filepath.Join(home, target)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// copyLauncherSBOMs puts the bills of the lifecycle and its launcher, where the builder has them, among those of the buildpacks.
func (e *exporter) copyLauncherSBOMs() error {
	if !e.in.API.AtLeast(11) {
		return nil
	}
	targets := map[string]string{"lifecycle": "build/buildpacksio_lifecycle", "launcher": "launch/buildpacksio_lifecycle/launcher"}
	for _, component := range []string{"lifecycle", "launcher"} {
		for _, kind := range []string{"sbom.cdx.json", "sbom.spdx.json", "sbom.syft.json"} {
			name := component + "." + kind
			err := copyFile(filepath.Join(e.in.LauncherSBOMDir, name), filepath.Join(e.in.LayersDir, "sbom", targets[component], kind))
			if os.IsNotExist(err) {
				e.log.Debugf("Did not find SBOM %s in %s", name, e.in.LauncherSBOMDir)
				continue
			}
			if err != nil {
				return fmt.Errorf("failed to copy buildpacksio SBOMs: %w", err)
			}
		}
	}
	return nil
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	target, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(target, source); err != nil {
		target.Close()
		return err
	}
	return target.Close()
}

func (e *exporter) cacheSBOMs(store cache, before format.CacheMetadata, next *format.CacheMetadata) error {
	dir := filepath.Join(e.in.LayersDir, "sbom", "cache")
	if _, err := os.Stat(dir); os.IsNotExist(err) {
		return nil
	}
	var err error
	next.SBOM.SHA, err = e.cacheDirLayer(store, "buildpacksio/lifecycle:cache.sbom", dir, "Software Bill-of-Materials", before.SBOM.SHA)
	return err
}
