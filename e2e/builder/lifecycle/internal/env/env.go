// Package env is the environment that buildpacks and processes get.
package env

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// passedOn are the variables that reach a buildpack from the program's own environment; all others stay outside.
var passedOn = []string{
	"CNB_STACK_ID", "HOSTNAME", "HOME", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy",
	"PATH", "LD_LIBRARY_PATH", "LIBRARY_PATH", "CPATH", "PKG_CONFIG_PATH",
}

var buildDirs = map[string][]string{
	"bin":       {"PATH"},
	"lib":       {"LD_LIBRARY_PATH", "LIBRARY_PATH"},
	"include":   {"CPATH"},
	"pkgconfig": {"PKG_CONFIG_PATH"},
}

var launchDirs = map[string][]string{"bin": {"PATH"}, "lib": {"LD_LIBRARY_PATH"}}

var hiddenFromLaunch = []string{"CNB_LAYERS_DIR", "CNB_APP_DIR", "CNB_PROCESS_TYPE", "CNB_PLATFORM_API", "CNB_DEPRECATION_MODE"}

// Env is a set of variables that layers can add to.
type Env struct {
	values map[string]string
	dirs   map[string][]string
}

// ForBuild starts the environment of bin/detect and bin/build.
func ForBuild(environ []string) *Env {
	all := parse(environ)
	values := map[string]string{}
	for _, name := range passedOn {
		if value, set := all[name]; set {
			values[name] = value
		}
	}
	return &Env{values: values, dirs: buildDirs}
}

// ForLaunch starts the environment of a process; dirs of PATH that only serve the launcher are taken out.
func ForLaunch(environ []string, notInPath ...string) *Env {
	values := parse(environ)
	for _, name := range hiddenFromLaunch {
		delete(values, name)
	}
	if path, set := values["PATH"]; set {
		values["PATH"] = strings.Join(without(filepath.SplitList(path), notInPath), ":")
	}
	return &Env{values: values, dirs: launchDirs}
}

// Get gives one variable.
func (e *Env) Get(name string) string { return e.values[name] }

// Set changes one variable.
func (e *Env) Set(name, value string) { e.values[name] = value }

// List gives NAME=value, sorted so that builds are alike.
func (e *Env) List() []string {
	list := make([]string, 0, len(e.values))
	for name, value := range e.values {
		list = append(list, name+"="+value)
	}
	sort.Strings(list)
	return list
}

// AddLayer puts the bin, lib, … directories of a layer in front of the search paths.
func (e *Env) AddLayer(dir string) error {
	for sub, names := range e.dirs {
		path := filepath.Join(dir, sub)
		if _, err := os.Stat(path); os.IsNotExist(err) {
			continue
		} else if err != nil {
			return err
		}
		for _, name := range names {
			e.prepend(name, path, ":")
		}
	}
	return nil
}

// AddDir applies the files of a layer's env directory: NAME, NAME.append, NAME.prepend, NAME.override, NAME.default, with NAME.delim.
func (e *Env) AddDir(dir, otherwise string) error {
	err := eachFile(dir, func(file, value string) {
		name, action, suffixed := strings.Cut(file, ".")
		if !suffixed {
			action = otherwise
		}
		switch action {
		case "prepend":
			e.prepend(name, value, delimiter(dir, name))
		case "append":
			if old := e.values[name]; old != "" {
				value = old + delimiter(dir, name) + value
			}
			e.values[name] = value
		case "override":
			e.values[name] = value
		case "default":
			if e.values[name] == "" {
				e.values[name] = value
			}
		}
	})
	if err != nil {
		return fmt.Errorf("apply env files from dir '%s': %w", dir, err)
	}
	return nil
}

// WithUser gives a copy with the variables that the user set (<platform>/env, unless the buildpack wants none) and those of the builder image.
func (e *Env) WithUser(platformDir, buildConfigDir string) (*Env, error) {
	copied := &Env{values: map[string]string{}, dirs: e.dirs}
	for name, value := range e.values {
		copied.values[name] = value
	}
	if platformDir != "" {
		err := eachFile(filepath.Join(platformDir, "env"), func(name, value string) {
			if e.isSearchPath(name) {
				copied.prepend(name, value, ":")
			} else {
				copied.values[name] = value
			}
		})
		if err != nil {
			return nil, err
		}
	}
	if buildConfigDir == "" {
		return copied, nil
	}
	return copied, copied.AddDir(filepath.Join(buildConfigDir, "env"), "default")
}

func (e *Env) isSearchPath(name string) bool {
	for _, names := range e.dirs {
		for _, one := range names {
			if one == name {
				return true
			}
		}
	}
	return false
}

func (e *Env) prepend(name, value, delimiter string) {
	if old := e.values[name]; old != "" {
		value += delimiter + old
	}
	e.values[name] = value
}

func delimiter(dir, name string) string {
	text, err := os.ReadFile(filepath.Join(dir, name+".delim"))
	if err != nil {
		return ""
	}
	return string(text)
}

// eachFile reads a directory of variables; a ConfigMap or Secret mounted there has links to files and, hidden behind "..data", to directories.
func eachFile(dir string, visit func(name, value string)) error {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if info.IsDir() {
			continue
		}
		value, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		visit(entry.Name(), string(value))
	}
	return nil
}

func parse(environ []string) map[string]string {
	values := map[string]string{}
	for _, pair := range environ {
		if name, value, ok := strings.Cut(pair, "="); ok {
			values[name] = value
		}
	}
	return values
}

func without(list, unwanted []string) []string {
	kept := []string{}
next:
	for _, one := range list {
		for _, other := range unwanted {
			if one == other {
				continue next
			}
		}
		kept = append(kept, one)
	}
	return kept
}
