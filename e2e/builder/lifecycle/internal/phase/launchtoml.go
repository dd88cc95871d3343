package phase

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"epinio.io/e2e/builder/lifecycle/internal/api"
	"epinio.io/e2e/builder/lifecycle/internal/format"
)

// launchFile is launch.toml of a buildpack.
type launchFile struct {
	Labels    []format.Label  `toml:"labels"`
	Slices    []format.Slice  `toml:"slices"`
	Processes []launchProcess `toml:"processes"`
}

type launchProcess struct {
	Type       string         `toml:"type"`
	Command    format.Command `toml:"command"`
	Args       []string       `toml:"args"`
	Direct     *bool          `toml:"direct"`
	Default    bool           `toml:"default"`
	WorkingDir string         `toml:"working-dir"`
	ExecEnv    []string       `toml:"exec-env"`
}

// adoptLaunch takes labels and processes over from launch.toml; a later buildpack's process replaces an earlier one of the same type.
func (b *builder) adoptLaunch(dir string, descriptor *format.Descriptor) error {
	var file launchFile
	err := format.Read(filepath.Join(dir, "launch.toml"), &file)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(file.Slices) > 0 {
		return errors.New("slices in launch.toml are not supported by this test lifecycle")
	}
	processes, err := file.processes(descriptor)
	if err != nil {
		return err
	}
	b.metadata.Labels = append(b.metadata.Labels, file.Labels...)
	for _, process := range processes {
		if process.Default {
			b.metadata.DefaultType = process.Type
		} else if process.Type == b.metadata.DefaultType {
			b.log.Warnf("redefining the following default process type with a process not marked as default: %s", process.Type)
			b.metadata.DefaultType = ""
		}
		b.processes[process.Type] = process
	}
	return nil
}

func (f launchFile) processes(descriptor *format.Descriptor) ([]format.Process, error) {
	version, err := api.Parse(descriptor.API)
	if err != nil {
		return nil, err
	}
	processes, defaults := []format.Process{}, 0
	for _, one := range f.Processes {
		if version.AtLeast(9) && one.Direct != nil {
			return nil, fmt.Errorf("process.direct is not supported on this buildpack version")
		}
		if one.Default {
			defaults++
		}
		processes = append(processes, format.Process{
			Type: one.Type, Command: one.Command, Args: one.Args, Default: one.Default,
			Direct:      version.AtLeast(9) || (one.Direct != nil && *one.Direct),
			BuildpackID: descriptor.Buildpack.ID, WorkingDir: one.WorkingDir, ExecEnv: one.ExecEnv,
		})
	}
	if defaults > 1 {
		return nil, errors.New("multiple default process types aren't allowed")
	}
	return processes, nil
}
