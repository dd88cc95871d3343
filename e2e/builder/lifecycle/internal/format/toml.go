// Package format holds the files that the programs hand to each other, as the platform API lays them down.
package format

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"
)

// Read decodes a TOML file; a missing one gives an error that os.IsNotExist knows.
func Read(path string, into any) error {
	_, err := toml.DecodeFile(path, into)
	return err
}

// Write encodes a TOML file in place, so that a path such as /dev/termination-log keeps its inode.
func Write(path string, value any) error {
	return writeWith(path, func(file *os.File) error { return toml.NewEncoder(file).Encode(value) })
}

// WriteJSON encodes a JSON file.
func WriteJSON(path string, value any) error {
	return writeWith(path, func(file *os.File) error { return json.NewEncoder(file).Encode(value) })
}

func writeWith(path string, encode func(*os.File) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := encode(file); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}

// EscapeID makes the id of a buildpack a file name.
func EscapeID(id string) string { return strings.ReplaceAll(id, "/", "_") }

// ReadJSON decodes a JSON file.
func ReadJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
