package layer

import (
	"archive/tar"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Extract unpacks a layer at the absolute paths it names, all of which must lie below root: a cache image is only as trustworthy as its registry.
func Extract(stream io.Reader, root string) error {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	dirModes := map[string]os.FileMode{}
	reader := tar.NewReader(stream)
	for {
		header, err := reader.Next()
		if err == io.EOF {
			return chmodAll(dirModes)
		}
		if err != nil {
			return fmt.Errorf("error extracting from archive: %w", err)
		}
		path := filepath.Join("/", header.Name)
		if !strings.HasPrefix(path+"/", root+"/") {
			if header.Typeflag == tar.TypeDir && strings.HasPrefix(root+"/", path+"/") {
				continue
			}
			return fmt.Errorf("layer entry %s is outside %s", path, root)
		}
		if err := extractEntry(reader, header, path, dirModes); err != nil {
			return err
		}
	}
}

func extractEntry(reader *tar.Reader, header *tar.Header, path string, dirModes map[string]os.FileMode) error {
	switch header.Typeflag {
	case tar.TypeDir:
		if _, err := os.Lstat(path); os.IsNotExist(err) {
			dirModes[path] = header.FileInfo().Mode()
		}
		return os.MkdirAll(path, 0o777)
	case tar.TypeReg:
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return extractFile(reader, path, header.FileInfo().Mode())
	case tar.TypeSymlink:
		return os.Symlink(header.Linkname, path)
	case tar.TypeXGlobalHeader:
		return nil
	default:
		return fmt.Errorf("unknown file type in tar %d", header.Typeflag)
	}
}

func extractFile(reader io.Reader, path string, mode os.FileMode) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC|syscall.O_NOFOLLOW, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, reader); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}

// chmodAll comes last, because a directory without write permission could not be filled.
func chmodAll(modes map[string]os.FileMode) error {
	for path, mode := range modes {
		if err := os.Chmod(path, mode); err != nil {
			return err
		}
	}
	return nil
}
