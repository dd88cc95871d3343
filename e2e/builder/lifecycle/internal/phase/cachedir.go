package phase

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"epinio.io/e2e/builder/lifecycle/internal/format"
	"epinio.io/e2e/builder/lifecycle/internal/layer"
)

// cacheDir keeps layers as tar files in DIR/committed; the next version is prepared in DIR/staging.
type cacheDir struct{ committed, staging, backup string }

func openCacheDir(dir string) (*cacheDir, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	c := &cacheDir{filepath.Join(dir, "committed"), filepath.Join(dir, "staging"), filepath.Join(dir, "committed-backup")}
	for _, leftover := range []string{c.staging, c.backup} {
		if err := os.RemoveAll(leftover); err != nil {
			return nil, err
		}
	}
	for _, needed := range []string{c.staging, c.committed} {
		if err := os.MkdirAll(needed, 0o777); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *cacheDir) exists() bool { return true }

func (c *cacheDir) metadata() format.CacheMetadata {
	var metadata format.CacheMetadata
	if format.ReadJSON(filepath.Join(c.committed, cacheLabel), &metadata) != nil {
		return format.CacheMetadata{}
	}
	return metadata
}

// open gives a layer only if its bytes are those that were put there.
func (c *cacheDir) open(diffID string) (io.ReadCloser, error) {
	file, err := os.Open(filepath.Join(c.committed, diffID+".tar"))
	if err != nil {
		return nil, fmt.Errorf("%w with SHA '%s'", errNotInCache, diffID)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		file.Close()
		return nil, err
	}
	if actual := fmt.Sprintf("sha256:%x", sum.Sum(nil)); actual != diffID {
		file.Close()
		return nil, fmt.Errorf("%w: expected layer contents to have SHA '%s'; found '%s'", errNotInCache, diffID, actual)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func (c *cacheDir) add(one layer.Layer, kept bool) error {
	target := filepath.Join(c.staging, one.DiffID+".tar")
	if kept && os.Link(filepath.Join(c.committed, one.DiffID+".tar"), target) == nil {
		return nil
	}
	return copyFile(one.Path, target)
}

func (c *cacheDir) commit(metadata format.CacheMetadata) error {
	if err := format.WriteJSON(filepath.Join(c.staging, cacheLabel), metadata); err != nil {
		return fmt.Errorf("setting cache metadata: %w", err)
	}
	if err := os.Rename(c.committed, c.backup); err != nil {
		return fmt.Errorf("committing cache: %w", err)
	}
	if err := os.Rename(c.staging, c.committed); err != nil {
		return fmt.Errorf("committing cache: %w", err)
	}
	return os.RemoveAll(c.backup)
}
