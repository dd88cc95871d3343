package layer

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/BurntSushi/toml"

	"epinio.io/e2e/builder/lifecycle/internal/format"
)

// Dir is one layer that a buildpack keeps in <layers>/<buildpack>/.
type Dir struct {
	Name  string
	ID    string // buildpack:name
	Path  string
	Types format.LayerTypes
	Err   error // <layer>.toml could not be read
}

// HasContents says whether there is a directory beside <layer>.toml.
func (d Dir) HasContents() bool {
	_, err := os.Stat(d.Path)
	return !os.IsNotExist(err)
}

// Remove forgets the layer and its contents.
func (d Dir) Remove() error {
	if err := os.RemoveAll(d.Path); err != nil {
		return err
	}
	if err := os.Remove(d.Path + ".toml"); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

// notLayers are the TOML files in a buildpack's directory that mean something else.
var notLayers = map[string]bool{"launch": true, "build": true, "store": true}

// DirsOf lists the layers of a buildpack, sorted by name: with contents, with a TOML file, or with both.
func DirsOf(layersDir, buildpack string) ([]Dir, error) {
	base := filepath.Join(layersDir, format.EscapeID(buildpack))
	entries, err := os.ReadDir(base)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	names := map[string]bool{}
	for _, entry := range entries {
		name, isTOML := strings.CutSuffix(entry.Name(), ".toml")
		switch {
		case entry.IsDir():
			names[entry.Name()] = true
		case isTOML && !notLayers[name]:
			names[name] = true
		}
	}
	dirs := make([]Dir, 0, len(names))
	for name := range names {
		dirs = append(dirs, At(layersDir, buildpack, name))
	}
	sort.Slice(dirs, func(i, j int) bool { return dirs[i].ID < dirs[j].ID })
	return dirs, nil
}

// At describes one layer of a buildpack.
func At(layersDir, buildpack, name string) Dir {
	path := filepath.Join(layersDir, format.EscapeID(buildpack), name)
	types, err := ReadTypes(path + ".toml")
	return Dir{Name: name, ID: buildpack + ":" + name, Path: path, Types: types, Err: err}
}

// ReadTypes reads <layer>.toml; a missing one is a layer that serves nothing.
func ReadTypes(path string) (format.LayerTypes, error) {
	var file struct {
		Data  any `toml:"metadata"`
		Types struct {
			Build, Launch, Cache bool
		} `toml:"types"`
	}
	keys, err := toml.DecodeFile(path, &file)
	if os.IsNotExist(err) {
		return format.LayerTypes{}, nil
	}
	if err != nil {
		return format.LayerTypes{}, err
	}
	for _, key := range []string{"build", "launch", "cache"} {
		if keys.IsDefined(key) {
			return format.LayerTypes{}, fmt.Errorf("the launch, cache and build flags should be in the types table of %s", path)
		}
	}
	return format.LayerTypes{Data: file.Data, Build: file.Types.Build, Launch: file.Types.Launch, Cache: file.Types.Cache}, nil
}

// WriteData writes <layer>.toml for the next build: what the buildpack noted, never the types, which it must choose anew.
func (d Dir) WriteData(data any) error {
	return format.Write(d.Path+".toml", struct {
		Data any `toml:"metadata"`
	}{data})
}

// ReadStore reads store.toml of a buildpack, if it left one.
func ReadStore(layersDir, buildpack string) (*format.Store, error) {
	path := filepath.Join(layersDir, format.EscapeID(buildpack), "store.toml")
	store := &format.Store{}
	err := format.Read(path, store)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("failed decoding store.toml for buildpack %q: %w", buildpack, err)
	}
	return store, nil
}
