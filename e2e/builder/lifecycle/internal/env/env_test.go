package env

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func write(t *testing.T, dir string, files map[string]string) string {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestBuildpacksSeeLittleOfTheContainersEnvironment(t *testing.T) {
	got := ForBuild([]string{"PATH=/bin", "HOME=/tmp", "CNB_REGISTRY_AUTH=secret", "TMPDIR=/x", "no_proxy=a=b"}).List()
	if want := []string{"HOME=/tmp", "PATH=/bin", "no_proxy=a=b"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestProcessesDoNotSeeTheLauncher(t *testing.T) {
	got := ForLaunch([]string{"PATH=/cnb/process:/cnb/lifecycle:/bin", "CNB_APP_DIR=/workspace", "PORT=80"}, "/cnb/process", "/cnb/lifecycle").List()
	if want := []string{"PATH=/bin", "PORT=80"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestFilesOfALayerChangeVariables(t *testing.T) {
	cases := []struct {
		name, old string
		files     map[string]string
		want      string
	}{
		{"a plain name overrides", "old", map[string]string{"V": "new"}, "new"},
		{"append takes the delimiter", "old", map[string]string{"V.append": "new", "V.delim": ","}, "old,new"},
		{"append to nothing needs none", "", map[string]string{"V.append": "new", "V.delim": ","}, "new"},
		{"prepend", "old", map[string]string{"V.prepend": "new", "V.delim": ":"}, "new:old"},
		{"a default does not override", "old", map[string]string{"V.default": "new"}, "old"},
		{"a default fills", "", map[string]string{"V.default": "new"}, "new"},
		{"an unknown suffix is ignored", "old", map[string]string{"V.else": "new"}, "old"},
		{"contents are taken as they are", "", map[string]string{"V": "new\n"}, "new\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			all := &Env{values: map[string]string{}, dirs: launchDirs}
			if c.old != "" {
				all.Set("V", c.old)
			}
			if err := all.AddDir(write(t, t.TempDir(), c.files), "override"); err != nil {
				t.Fatal(err)
			}
			if got := all.Get("V"); got != c.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestDirectoriesOfALayerGoInFrontOfTheSearchPaths(t *testing.T) {
	layer := write(t, t.TempDir(), map[string]string{"bin/tool": "", "lib/tool.so": ""})
	all := ForBuild([]string{"PATH=/bin"})
	if err := all.AddLayer(layer); err != nil {
		t.Fatal(err)
	}
	if all.Get("PATH") != layer+"/bin:/bin" || all.Get("LIBRARY_PATH") != layer+"/lib" {
		t.Errorf("got %v", all.List())
	}
}

func TestTheUsersVariablesComeFromAMountedConfigMap(t *testing.T) {
	// As the kubelet lays it out: links to a hidden directory that is itself a link.
	platform := t.TempDir()
	write(t, platform, map[string]string{"env/..2026/FOO": "bar", "env/..2026/PATH": "/extra"})
	for link, target := range map[string]string{"env/..data": "..2026", "env/FOO": "..data/FOO", "env/PATH": "..data/PATH"} {
		if err := os.Symlink(target, filepath.Join(platform, link)); err != nil {
			t.Fatal(err)
		}
	}
	all, err := ForBuild([]string{"PATH=/bin"}).WithUser(platform, "")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"FOO=bar", "PATH=/extra:/bin"}; !reflect.DeepEqual(all.List(), want) {
		t.Errorf("got %v", all.List())
	}
}
