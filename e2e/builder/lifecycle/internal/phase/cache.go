package phase

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"epinio.io/e2e/builder/lifecycle/internal/cli"
	"epinio.io/e2e/builder/lifecycle/internal/format"
	"epinio.io/e2e/builder/lifecycle/internal/layer"
	"epinio.io/e2e/builder/lifecycle/internal/registry"
)

// cache keeps layers between builds.
type cache interface {
	// exists says whether an earlier build left something.
	exists() bool
	// metadata tells what is in it; one that cannot be understood is empty.
	metadata() format.CacheMetadata
	// open reads a layer of the earlier build.
	open(diffID string) (io.ReadCloser, error)
	// add puts a layer into the next version; kept says that the earlier build had it too.
	add(one layer.Layer, kept bool) error
	// commit makes the next version the current one.
	commit(format.CacheMetadata) error
}

var errNotInCache = errors.New("failed to find cache layer")

// openCache opens the cache that the platform named, or none.
func (b *base) openCache() (cache, error) {
	switch {
	case b.in.CacheImage != "":
		opened, err := b.openCacheImage()
		if err != nil {
			return nil, cli.Fail(cli.CodeFailed, "create image cache", err)
		}
		return opened, nil
	case b.in.CacheDir != "":
		opened, err := openCacheDir(b.in.CacheDir)
		if err != nil {
			return nil, cli.Fail(cli.CodeFailed, "create volume cache", err)
		}
		return opened, nil
	default:
		return nil, nil
	}
}

type cacheImage struct {
	ref    string
	client *registry.Client
	log    *cli.Logger
	found  bool
	delete bool // old platform APIs clean up, new ones leave that to the registry
	old    v1.Image
	next   []v1.Layer
}

func (b *base) openCacheImage() (*cacheImage, error) {
	old, err := b.client.Open(b.in.CacheImage)
	if err != nil {
		return nil, fmt.Errorf("accessing cache image %q: %w", b.in.CacheImage, err)
	}
	return &cacheImage{
		ref: b.in.CacheImage, client: b.client, log: b.log, old: old,
		found: b.client.Exists(b.in.CacheImage), delete: !b.in.API.AtLeast(13),
	}, nil
}

func (c *cacheImage) exists() bool { return c.found }

func (c *cacheImage) metadata() format.CacheMetadata {
	var metadata format.CacheMetadata
	text, err := registry.Label(c.old, cacheLabel)
	if err != nil || !c.found || json.Unmarshal([]byte(text), &metadata) != nil {
		return format.CacheMetadata{}
	}
	return metadata
}

func (c *cacheImage) layer(diffID string) (v1.Layer, error) {
	hash, err := v1.NewHash(diffID)
	if err != nil {
		return nil, err
	}
	config, err := c.old.ConfigFile()
	if err != nil {
		return nil, err
	}
	for _, known := range config.RootFS.DiffIDs {
		if known == hash {
			return c.old.LayerByDiffID(hash)
		}
	}
	return nil, fmt.Errorf("%w with SHA '%s'", errNotInCache, diffID)
}

func (c *cacheImage) open(diffID string) (io.ReadCloser, error) {
	found, err := c.layer(diffID)
	if err != nil {
		return nil, err
	}
	return found.Uncompressed()
}

func (c *cacheImage) add(one layer.Layer, kept bool) error {
	if kept {
		if old, err := c.layer(one.DiffID); err == nil {
			c.next = append(c.next, old)
			return nil
		}
	}
	packed, err := tarball.LayerFromFile(one.Path)
	if err != nil {
		return err
	}
	c.next = append(c.next, packed)
	return nil
}

func (c *cacheImage) commit(metadata format.CacheMetadata) error {
	image, err := c.image(metadata)
	if err == nil {
		err = c.client.Push(c.ref, image)
	}
	if err != nil {
		return fmt.Errorf("committing cache: saving image '%s': %w", c.ref, err)
	}
	if c.delete && c.found {
		c.deleteOld(image)
	}
	return nil
}

func (c *cacheImage) image(metadata format.CacheMetadata) (v1.Image, error) {
	label, err := json.Marshal(metadata)
	if err != nil {
		return nil, err
	}
	image, err := registry.Empty("linux", "")
	if err != nil {
		return nil, err
	}
	image = mutate.ConfigMediaType(mutate.MediaType(image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if len(c.next) == 0 {
		// Two empty tar blocks: some runtimes refuse images without any layer, and layers without any byte.
		c.next = append(c.next, static.NewLayer(make([]byte, 1024), types.OCILayer))
	}
	for _, one := range c.next {
		image, err = mutate.Append(image, mutate.Addendum{Layer: one, MediaType: types.OCILayer, History: v1.History{Created: v1.Time{Time: layer.Epoch}}})
		if err != nil {
			return nil, err
		}
	}
	return changeConfig(image, func(config *v1.ConfigFile) {
		config.Created = v1.Time{Time: layer.Epoch}
		config.Config.Labels = map[string]string{cacheLabel: string(label)}
	})
}

func (c *cacheImage) deleteOld(image v1.Image) {
	oldRef, err := registry.DigestRef(c.ref, c.old)
	newRef, newErr := registry.DigestRef(c.ref, image)
	if err != nil || newErr != nil || oldRef == newRef {
		return
	}
	if err := c.client.Delete(oldRef); err != nil {
		c.log.Warnf("Unable to delete cache image: %v", err)
	}
}

func changeConfig(image v1.Image, change func(*v1.ConfigFile)) (v1.Image, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	change(config)
	return mutate.ConfigFile(image, config)
}
