// Package launch starts a process of an app image.
package launch

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/BurntSushi/toml"

	"epinio.io/e2e/builder/lifecycle/internal/api"
	"epinio.io/e2e/builder/lifecycle/internal/env"
	"epinio.io/e2e/builder/lifecycle/internal/format"
)

// Launcher knows the processes of the image and where its layers are.
type Launcher struct {
	API       api.Version
	AppDir    string
	LayersDir string
	ExecEnv   string
	Metadata  Metadata
}

// Metadata is the part of <layers>/config/metadata.toml that matters at launch.
type Metadata struct {
	Buildpacks []format.Buildpack `toml:"buildpacks"`
	Processes  []format.Process   `toml:"processes"`
}

// Launch becomes the process that self (the name it was called by) or args ask for; it only returns to tell why it could not.
func (l *Launcher) Launch(self string, args []string) error {
	process, err := l.Process(filepath.Base(self), args)
	if err != nil {
		return fmt.Errorf("determine start command: %w", err)
	}
	if err := os.Chdir(l.AppDir); err != nil {
		return fmt.Errorf("change to app directory: %w", err)
	}
	all := env.ForLaunch(os.Environ(), "/cnb/process", "/cnb/lifecycle")
	// Files of a layer may be for all processes or for one type.
	subs := []string{""}
	if process.Type != "" {
		subs = append(subs, process.Type)
	}
	layers, err := l.addLayers(all, subs)
	if err != nil {
		return fmt.Errorf("modify env: %w", err)
	}
	for _, path := range layers {
		for _, sub := range subs {
			if err := runExecD(all, filepath.Join(path, "exec.d", sub)); err != nil {
				return fmt.Errorf("exec.d: %w", err)
			}
		}
	}
	return start(process, all, l.AppDir)
}

// Process decides what to start: a process type, with args in place of its own; or, without a type, a command of the user's.
func (l *Launcher) Process(name string, args []string) (format.Process, error) {
	for _, process := range l.Metadata.Processes {
		if process.Type == name && l.eligible(process) {
			return l.withArgs(process, args)
		}
	}
	switch {
	case len(args) == 0:
		return format.Process{}, errors.New("when there is no default process a command is required")
	case args[0] == "--" && len(args) > 1:
		return format.Process{Command: format.Command{Words: args[1:2]}, Args: args[2:], Direct: true}, nil
	default:
		return format.Process{Command: format.Command{Words: args[:1]}, Args: args[1:]}, nil
	}
}

func (l *Launcher) eligible(process format.Process) bool {
	return !l.API.AtLeast(15) || len(process.ExecEnv) == 0 || slices.Contains(process.ExecEnv, "*") || slices.Contains(process.ExecEnv, l.ExecEnv)
}

// withArgs: of a command of several words only the args can be replaced; before buildpack API 0.9 they are added.
func (l *Launcher) withArgs(process format.Process, args []string) (format.Process, error) {
	words := process.Command.Words
	if !l.API.AtLeast(10) {
		process.Args = append(process.Args, args...)
		return process, nil
	}
	if len(words) > 1 {
		if len(args) == 0 {
			args = process.Args
		}
		process.Command.Words = words[:1]
		process.Args = append(append([]string{}, words[1:]...), args...)
		return process, nil
	}
	if len(args) == 0 {
		return process, nil
	}
	for _, buildpack := range l.Metadata.Buildpacks {
		if buildpack.ID != process.BuildpackID {
			continue
		}
		if version, err := api.Parse(buildpack.API); err == nil && !version.AtLeast(9) {
			args = append(process.Args, args...)
		}
		process.Args = args
		return process, nil
	}
	return process, fmt.Errorf("failed to find buildpack for process %s with buildpack ID %s", process.Type, process.BuildpackID)
}

// addLayers applies what all launch layers of a buildpack add, one buildpack after the other, and returns the layers.
func (l *Launcher) addLayers(all *env.Env, subs []string) ([]string, error) {
	layers := []string{}
	for _, buildpack := range l.Metadata.Buildpacks {
		found, err := directories(filepath.Join(l.LayersDir, format.EscapeID(buildpack.ID)))
		if err != nil {
			return nil, err
		}
		if err := addVariables(all, found, subs); err != nil {
			return nil, err
		}
		layers = append(layers, found...)
	}
	return layers, nil
}

func addVariables(all *env.Env, layers, subs []string) error {
	for _, path := range layers {
		if err := all.AddLayer(path); err != nil {
			return err
		}
	}
	for _, path := range layers {
		if err := all.AddDir(filepath.Join(path, "env"), "override"); err != nil {
			return err
		}
		for _, sub := range subs {
			if err := all.AddDir(filepath.Join(path, "env.launch", sub), "override"); err != nil {
				return err
			}
		}
	}
	return nil
}

func directories(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	found := []string{}
	for _, entry := range entries {
		if entry.IsDir() {
			found = append(found, filepath.Join(dir, entry.Name()))
		}
	}
	return found, nil
}

// runExecD runs the programs of a directory, which write variables as TOML to file descriptor 3.
func runExecD(all *env.Env, dir string) error {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			continue
		}
		path := filepath.Join(dir, entry.Name())
		text, err := outputOfExecD(path, all.List())
		if err != nil {
			return fmt.Errorf("failed to execute exec.d file at path '%s': %w", path, err)
		}
		variables := map[string]string{}
		if _, err := toml.Decode(text, &variables); err != nil {
			return fmt.Errorf("failed to decode output from exec.d file at path '%s': %w", path, err)
		}
		for name, value := range variables {
			all.Set(name, value)
		}
	}
	return nil
}

func outputOfExecD(path string, environ []string) (string, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer read.Close()
	command := exec.Command(path)
	command.Env, command.Stdout, command.Stderr, command.ExtraFiles = environ, os.Stdout, os.Stderr, []*os.File{write}
	if err := command.Start(); err != nil {
		write.Close()
		return "", err
	}
	write.Close()
	text, err := io.ReadAll(read)
	return string(text), errors.Join(err, command.Wait())
}

func start(process format.Process, all *env.Env, appDir string) error {
	if len(process.Command.Words) == 0 {
		return fmt.Errorf("no command provided for process type %q", process.Type)
	}
	argv := append(append([]string{}, process.Command.Words...), process.Args...)
	if !process.Direct {
		argv = shell(argv)
	}
	if err := os.Setenv("PATH", all.Get("PATH")); err != nil {
		return fmt.Errorf("set path: %w", err)
	}
	binary, err := exec.LookPath(argv[0])
	if err != nil {
		if !process.Direct {
			return errors.New("bash exec: no such file or directory")
		}
		return fmt.Errorf("path lookup: %w", err)
	}
	if process.WorkingDir == "" {
		process.WorkingDir = appDir
	}
	if err := os.Chdir(process.WorkingDir); err != nil {
		return fmt.Errorf("change directory: %w", err)
	}
	return fmt.Errorf("direct exec: %w", syscall.Exec(binary, argv, all.List()))
}

// shell lets bash read what old buildpacks and users write: one word is a script, several are words in which variables count. Profile scripts are not read.
func shell(argv []string) []string {
	if len(argv) == 1 {
		return []string{"bash", "-c", argv[0]}
	}
	line := "exec"
	for _, word := range argv {
		line += ` "` + strings.ReplaceAll(word, `"`, `\"`) + `"`
	}
	return []string{"bash", "-c", line}
}
