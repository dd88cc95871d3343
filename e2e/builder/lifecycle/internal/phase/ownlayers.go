package phase

import (
	"fmt"
	"os"
	"path/filepath"

	"epinio.io/e2e/builder/lifecycle/internal/format"
)

func (e *exporter) addSBOMLayer(made *format.LayersMetadata) error {
	dir := filepath.Join(e.in.LayersDir, "sbom", "launch")
	if _, err := os.Stat(dir); os.IsNotExist(err) || !e.in.API.AtLeast(8) {
		return nil
	}
	packed, err := e.layers.Dir("buildpacksio/lifecycle:launch.sbom", dir, "Software Bill-of-Materials")
	if err != nil {
		return fmt.Errorf("creating layer: %w", err)
	}
	before := ""
	if e.analyzed.Layers.SBOM != nil {
		before = e.analyzed.Layers.SBOM.SHA
	}
	made.SBOM = &format.SHA{SHA: packed.DiffID}
	return e.addOrReuse(packed, before)
}

func (e *exporter) addAppLayer(made *format.LayersMetadata) error {
	packed, err := e.layers.Dir("slice-1", e.in.AppDir, "Application Layer")
	if err != nil {
		return err
	}
	made.App = append(made.App, format.SHA{SHA: packed.DiffID})
	for _, before := range e.analyzed.Layers.App {
		if before.SHA == packed.DiffID {
			e.log.Infof("Reused 1/1 app layer(s)")
			return e.image.reuse(packed.DiffID, packed.CreatedBy)
		}
	}
	e.log.Infof("Added 1/1 app layer(s)")
	return e.image.add(packed)
}

func (e *exporter) addLauncherLayers(made *format.LayersMetadata) error {
	launcher, err := e.layers.Launcher(e.in.LauncherPath, launcherPath)
	if err != nil {
		return fmt.Errorf("creating launcher layers: %w", err)
	}
	config, err := e.layers.Dir("buildpacksio/lifecycle:config", filepath.Join(e.in.LayersDir, "config"), "Buildpacks Launcher Config")
	if err != nil {
		return fmt.Errorf("creating layer 'buildpacksio/lifecycle:config': %w", err)
	}
	before := e.analyzed.Layers
	if err := e.addOrReuse(launcher, before.Launcher.SHA); err != nil {
		return err
	}
	if err := e.addOrReuse(config, before.Config.SHA); err != nil {
		return err
	}
	made.Launcher.SHA, made.Config.SHA = launcher.DiffID, config.DiffID
	if len(e.metadata.Processes) == 0 {
		return nil
	}
	types := []string{}
	for _, process := range e.metadata.Processes {
		types = append(types, process.Type)
	}
	links, err := e.layers.ProcessTypes(types, launcherPath)
	if err != nil {
		return fmt.Errorf("creating layer 'buildpacksio/lifecycle:process-types': %w", err)
	}
	made.ProcessTypes.SHA = links.DiffID
	return e.addOrReuse(links, before.ProcessTypes.SHA)
}

func (e *exporter) entrypoint() (string, error) {
	chosen := e.in.ProcessType
	if chosen != "" {
		if _, known := e.metadata.FindProcess(chosen); !known {
			return "", fmt.Errorf("tried to set %s to default but it doesn't exist", chosen)
		}
	} else {
		chosen = e.metadata.DefaultType
	}
	if chosen == "" {
		e.log.Infof("no default process type")
		return launcherPath, nil
	}
	e.log.Infof("Setting default process type '%s'", chosen)
	return "/cnb/process/" + chosen, nil
}
