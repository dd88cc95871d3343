package layer

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func factory(t *testing.T) *Factory { return &Factory{Scratch: t.TempDir(), UID: 1001, GID: 1000} }

func pack(t *testing.T, dir string) Layer {
	t.Helper()
	packed, err := factory(t).Dir("x/y:z", dir, "test")
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

func put(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func TestTheSameFilesGiveTheSameLayer(t *testing.T) {
	dir := t.TempDir()
	put(t, dir+"/a/file", "text", 0o644)
	first := pack(t, dir)
	put(t, dir+"/a/file", "text", 0o644)
	if err := os.Chtimes(dir+"/a/file", time.Now(), time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if again := pack(t, dir); again.DiffID != first.DiffID {
		t.Error("another time of change gave another layer")
	}
	if err := os.Chmod(dir+"/a/file", 0o600); err != nil {
		t.Fatal(err)
	}
	if again := pack(t, dir); again.DiffID == first.DiffID {
		t.Error("another mode gave the same layer")
	}
}

func TestALayerKeepsLinksAndGivesFilesToTheUser(t *testing.T) {
	dir := t.TempDir()
	put(t, dir+"/file", "text", 0o640)
	if err := os.Symlink("nowhere", dir+"/dangling"); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(pack(t, dir).Path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	headers := map[string]*tar.Header{}
	for reader := tar.NewReader(file); ; {
		header, err := reader.Next()
		if err != nil {
			break
		}
		headers[header.Name] = header
	}
	got := headers[dir+"/file"]
	if got == nil || got.Uid != 1001 || got.Gid != 1000 || got.Mode != 0o640 || !got.ModTime.Equal(Epoch) || got.Uname != "" {
		t.Errorf("file: %+v", got)
	}
	if link := headers[dir+"/dangling"]; link == nil || link.Linkname != "nowhere" {
		t.Errorf("link: %+v", link)
	}
	if parent := headers[filepath.Dir(dir)]; parent == nil || parent.Typeflag != tar.TypeDir {
		t.Error("the parents are missing")
	}
}

func TestExtractingGivesBackWhatWasPacked(t *testing.T) {
	dir := t.TempDir()
	put(t, dir+"/sub/run", "#!/bin/sh\n", 0o755)
	if err := os.Symlink("sub/run", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	packed := pack(t, dir)
	for _, name := range []string{"/sub", "/link"} {
		if err := os.RemoveAll(dir + name); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.Open(packed.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := Extract(file, dir); err != nil {
		t.Fatal(err)
	}
	if again := pack(t, dir); again.DiffID != packed.DiffID {
		t.Error("what came back is not what was packed")
	}
}

func TestExtractingRefusesWhatPointsOutside(t *testing.T) {
	for _, name := range []string{"/etc/passwd", "../../etc/passwd", "/layers-else/x"} {
		var text bytes.Buffer
		out := tar.NewWriter(&text)
		if err := out.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
		if err := Extract(&text, "/layers"); err == nil || !strings.Contains(err.Error(), "outside") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatCountsAsALayerOfABuildpack(t *testing.T) {
	layers := t.TempDir()
	put(t, layers+"/a_b/with.toml", "[types]\nlaunch = true\n[metadata]\nv = 1\n", 0o644)
	put(t, layers+"/a_b/with/file", "", 0o644)
	put(t, layers+"/a_b/reused.toml", "[types]\nlaunch = true\n", 0o644)
	put(t, layers+"/a_b/bare/file", "", 0o644)
	put(t, layers+"/a_b/old.toml", "launch = true\n", 0o644)
	put(t, layers+"/a_b/launch.toml", "", 0o644)
	dirs, err := DirsOf(layers, "a/b")
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, dir := range dirs {
		got += dir.ID
		if dir.Types.Launch {
			got += " launch"
		}
		if dir.HasContents() {
			got += " full"
		}
		if dir.Err != nil {
			got += " broken"
		}
		got += "; "
	}
	if want := "a/b:bare full; a/b:old broken; a/b:reused launch; a/b:with launch full; "; got != want {
		t.Errorf("got %s", got)
	}
}
