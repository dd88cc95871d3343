package format

import (
	"encoding/json"
	"fmt"
	"strings"
)

// BuildMetadata is <layers>/config/metadata.toml and the label io.buildpacks.build.metadata.
type BuildMetadata struct {
	Buildpacks  []Buildpack  `toml:"buildpacks" json:"buildpacks"`
	Labels      []Label      `toml:"labels" json:"-"`
	Launcher    LauncherInfo `toml:"-" json:"launcher"`
	Processes   []Process    `toml:"processes" json:"processes"`
	Slices      []Slice      `toml:"slices" json:"-"`
	DefaultType string       `toml:"buildpack-default-process-type,omitempty" json:"buildpack-default-process-type,omitempty"`
}

// FindProcess looks a process up by its type.
func (m BuildMetadata) FindProcess(name string) (Process, bool) {
	for _, process := range m.Processes {
		if process.Type == name {
			return process, true
		}
	}
	return Process{}, false
}

// ForPlatform writes commands the way that the platform API wants to see them: one word before 0.10, a list since.
func (m *BuildMetadata) ForPlatform(atLeast010 bool) {
	for i := range m.Processes {
		m.Processes[i].Command.single = !atLeast010
		if command := m.Processes[i].Command.Words; !atLeast010 && len(command) > 0 {
			m.Processes[i].Args = append(append([]string{}, command[1:]...), m.Processes[i].Args...)
			m.Processes[i].Command.Words = command[:1]
		}
	}
}

// Label is a label that a buildpack puts on the image.
type Label struct {
	Key   string `toml:"key"`
	Value string `toml:"value"`
}

// Slice is a part of the app directory that gets a layer of its own.
type Slice struct {
	Paths []string `toml:"paths"`
}

// LauncherInfo says which launcher is in the image.
type LauncherInfo struct {
	Version string `json:"version"`
	Source  struct {
		Git struct {
			Repository string `json:"repository"`
			Commit     string `json:"commit"`
		} `json:"git"`
	} `json:"source"`
}

// Process is one way to start the image.
type Process struct {
	Type        string   `toml:"type" json:"type"`
	Command     Command  `toml:"command" json:"command"`
	Args        []string `toml:"args" json:"args"`
	Direct      bool     `toml:"direct" json:"direct"`
	Default     bool     `toml:"default,omitempty" json:"default,omitempty"`
	BuildpackID string   `toml:"buildpack-id" json:"buildpackID"`
	WorkingDir  string   `toml:"working-dir,omitempty" json:"working-dir,omitempty"`
	ExecEnv     []string `toml:"exec-env,omitempty" json:"exec-env,omitempty"`
}

// Command is a list of words, written as one word for old APIs.
type Command struct {
	Words  []string
	single bool
}

// UnmarshalTOML takes a word or a list of words.
func (c *Command) UnmarshalTOML(value any) error {
	switch value := value.(type) {
	case string:
		c.Words = []string{value}
	case []any:
		for _, word := range value {
			c.Words = append(c.Words, fmt.Sprint(word))
		}
	default:
		return fmt.Errorf("a command is a string or a list of strings, not %T", value)
	}
	return nil
}

// MarshalJSON writes a word or a list of words.
func (c Command) MarshalJSON() ([]byte, error) {
	if c.single && len(c.Words) > 0 {
		return json.Marshal(c.Words[0])
	}
	return json.Marshal(c.Words)
}

// MarshalTOML writes a word or a list of words; a JSON string is a TOML string.
func (c Command) MarshalTOML() ([]byte, error) {
	words := make([]string, len(c.Words))
	for i, word := range c.Words {
		quoted, err := json.Marshal(word)
		if err != nil {
			return nil, err
		}
		words[i] = string(quoted)
	}
	if c.single && len(words) > 0 {
		return []byte(words[0]), nil
	}
	return []byte("[" + strings.Join(words, ", ") + "]"), nil
}

// Report is report.toml: what was pushed.
type Report struct {
	Image ImageReport `toml:"image"`
}

// ImageReport names the pushed tags and their one digest.
type ImageReport struct {
	Tags         []string `toml:"tags"`
	Digest       string   `toml:"digest,omitempty"`
	ManifestSize int64    `toml:"manifest-size,omitzero"`
}

// ProjectMetadata is project-metadata.toml and the label io.buildpacks.project.metadata.
type ProjectMetadata struct {
	Source *ProjectSource `toml:"source" json:"source,omitempty"`
}

// ProjectSource says where the source came from.
type ProjectSource struct {
	Type     string         `toml:"type" json:"type,omitempty"`
	Version  map[string]any `toml:"version" json:"version,omitempty"`
	Metadata map[string]any `toml:"metadata" json:"metadata,omitempty"`
}
