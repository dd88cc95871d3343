// Package layer turns directories into the reproducible tar files that image layers are made of, and back.
package layer

import (
	"archive/tar"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Epoch is the time that everything in an image bears, so that the same input gives the same digest.
var Epoch = time.Date(1980, time.January, 1, 0, 0, 1, 0, time.UTC)

// Layer is a layer as a tar file on disk.
type Layer struct {
	ID        string
	Path      string
	DiffID    string
	CreatedBy string
}

// Factory writes layers into a scratch directory; files belong to UID and GID.
type Factory struct {
	Scratch  string
	UID, GID int
	made     map[string]Layer
}

// Dir makes a layer of a directory at its own absolute path, with its parents as they are on disk. The same id is packed once.
func (f *Factory) Dir(id, dir, createdBy string) (Layer, error) {
	return f.write(id, createdBy, func(out *writer) error {
		if err := out.parents(dir); err != nil {
			return err
		}
		out.uid, out.gid = &f.UID, &f.GID
		// A layer that is itself a symbolic link is packed as one, as filepath.Walk does.
		return filepath.Walk(dir, func(path string, info fs.FileInfo, err error) error {
			if err != nil {
				return err
			}
			return out.file(path, info)
		})
	})
}

// Launcher makes the layer that holds the launcher.
func (f *Factory) Launcher(binary, target string) (Layer, error) {
	info, err := os.Stat(binary)
	if err != nil {
		return Layer{}, fmt.Errorf("failed to stat launcher at path '%s': %w", binary, err)
	}
	return f.write("buildpacksio/lifecycle:launcher", "Buildpacks Application Launcher", func(out *writer) error {
		if err := out.rootDirs("/cnb", "/cnb/lifecycle"); err != nil {
			return err
		}
		header, err := tar.FileInfoHeader(info, "")
		if err != nil {
			return err
		}
		header.Name, header.Uid, header.Gid, header.Mode = target, 0, 0, 0o755
		return out.entry(header, binary)
	})
}

// ProcessTypes makes the layer of links by which each process type is started.
func (f *Factory) ProcessTypes(types []string, launcher string) (Layer, error) {
	for _, name := range types {
		if name == "" {
			return Layer{}, fmt.Errorf("type is required for all processes")
		}
		if strings.ContainsAny(name, `/><:|&\`) {
			return Layer{}, fmt.Errorf(`invalid process type '%s': type may not contain characters '/><:|&\'`, name)
		}
	}
	return f.write("buildpacksio/lifecycle:process-types", "Buildpacks Process Types", func(out *writer) error {
		if err := out.rootDirs("/cnb", "/cnb/process"); err != nil {
			return err
		}
		for _, name := range types {
			header := &tar.Header{Typeflag: tar.TypeSymlink, Name: "/cnb/process/" + name, Linkname: launcher, Mode: 0o755}
			if err := out.entry(header, ""); err != nil {
				return err
			}
		}
		return nil
	})
}

func (f *Factory) write(id, createdBy string, fill func(*writer) error) (Layer, error) {
	if layer, done := f.made[id]; done {
		return layer, nil
	}
	path := filepath.Join(f.Scratch, strings.ReplaceAll(id, "/", "_")+".tar")
	file, err := os.Create(path)
	if err != nil {
		return Layer{}, err
	}
	defer file.Close()
	sum := sha256.New()
	out := &writer{tar: tar.NewWriter(io.MultiWriter(file, sum))}
	if err := fill(out); err != nil {
		return Layer{}, err
	}
	if err := out.tar.Close(); err != nil {
		return Layer{}, err
	}
	if err := file.Close(); err != nil {
		return Layer{}, err
	}
	layer := Layer{ID: id, Path: path, DiffID: fmt.Sprintf("sha256:%x", sum.Sum(nil)), CreatedBy: createdBy}
	if f.made == nil {
		f.made = map[string]Layer{}
	}
	f.made[id] = layer
	return layer, nil
}

// writer normalizes what goes into the tar; uid and gid are nil for parents, which keep their owners.
type writer struct {
	tar      *tar.Writer
	uid, gid *int
}

func (w *writer) parents(dir string) error {
	parent := filepath.Dir(dir)
	if parent == "/" || parent == dir {
		return nil
	}
	if err := w.parents(parent); err != nil {
		return err
	}
	info, err := os.Stat(parent)
	if err != nil {
		return err
	}
	return w.file(parent, info)
}

func (w *writer) file(path string, info fs.FileInfo) error {
	if info.Mode()&fs.ModeSocket != 0 {
		return nil
	}
	header, err := tar.FileInfoHeader(info, "")
	if err != nil {
		return err
	}
	header.Name = path
	if info.Mode()&fs.ModeSymlink != 0 {
		if header.Linkname, err = os.Readlink(path); err != nil {
			return err
		}
	}
	if !info.Mode().IsRegular() {
		path = ""
	}
	return w.entry(header, path)
}

func (w *writer) rootDirs(paths ...string) error {
	for _, path := range paths {
		if err := w.entry(&tar.Header{Typeflag: tar.TypeDir, Name: path, Mode: 0o755}, ""); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) entry(header *tar.Header, content string) error {
	header.ModTime, header.Uname, header.Gname = Epoch, "", ""
	if w.uid != nil {
		header.Uid, header.Gid = *w.uid, *w.gid
	}
	if err := w.tar.WriteHeader(header); err != nil {
		return fmt.Errorf("failed to add file %s to archive: %w", header.Name, err)
	}
	if content == "" {
		return nil
	}
	file, err := os.Open(content)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(w.tar, file)
	return err
}
