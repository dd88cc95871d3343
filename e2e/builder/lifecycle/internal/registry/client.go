package registry

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Client talks to registries; those with a prefix in Insecure may speak plain HTTP or show any certificate.
type Client struct {
	Keychain authn.Keychain
	Insecure []string
}

var insecureTransport http.RoundTripper = &http.Transport{
	Proxy:           http.ProxyFromEnvironment,
	TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // asked for by -insecure-registry
}

// ParseReference reads the name of an image.
func ParseReference(ref string) (name.Reference, error) {
	return name.ParseReference(ref, name.WeakValidation)
}

func (c *Client) resolve(ref string) (name.Reference, http.RoundTripper, error) {
	parse, through := []name.Option{name.WeakValidation}, remote.DefaultTransport
	for _, prefix := range c.Insecure {
		if strings.HasPrefix(ref, prefix) {
			parse, through = append(parse, name.Insecure), insecureTransport
			break
		}
	}
	parsed, err := name.ParseReference(ref, parse...)
	return parsed, through, err
}

func (c *Client) options(ref string) (name.Reference, []remote.Option, error) {
	parsed, through, err := c.resolve(ref)
	platform := v1.Platform{OS: "linux", Architecture: runtime.GOARCH}
	return parsed, []remote.Option{remote.WithAuthFromKeychain(c.Keychain), remote.WithTransport(through), remote.WithPlatform(platform)}, err
}

// Exists says whether the manifest is there and readable.
func (c *Client) Exists(ref string) bool {
	_, err := c.head(ref)
	return err == nil
}

func (c *Client) head(ref string) (*v1.Descriptor, error) {
	parsed, options, err := c.options(ref)
	if err != nil {
		return nil, err
	}
	return remote.Head(parsed, options...)
}

// Open reads an image. One that is missing, or hidden by a 401, is an image without layers: only later use shows whether that matters.
func (c *Client) Open(ref string) (v1.Image, error) {
	parsed, options, err := c.options(ref)
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		image, err := remote.Image(parsed, options...)
		if err == nil {
			return image, nil
		}
		if errors.Is(err, io.EOF) && attempt < 3 {
			time.Sleep(time.Duration(attempt) * 100 * time.Millisecond)
			continue
		}
		if looksMissing(err) {
			return Empty("linux", runtime.GOARCH)
		}
		return nil, fmt.Errorf("connect to repo store %q: %w", ref, err)
	}
}

func looksMissing(err error) bool {
	if answer, isAnswer := err.(*transport.Error); isAnswer && len(answer.Errors) > 0 {
		return answer.StatusCode == http.StatusNotFound || answer.StatusCode == http.StatusUnauthorized
	}
	return strings.Contains(err.Error(), "no child with platform")
}

// Empty makes an image that has nothing in it yet.
func Empty(os, arch string) (v1.Image, error) {
	return mutate.ConfigFile(empty.Image, &v1.ConfigFile{
		OS: os, Architecture: arch, History: []v1.History{},
		RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{}},
	})
}

// DigestRef writes repository@digest.
func DigestRef(ref string, image v1.Image) (string, error) {
	parsed, err := ParseReference(ref)
	if err != nil {
		return "", err
	}
	digest, err := image.Digest()
	if err != nil {
		return "", err
	}
	return parsed.Context().Name() + "@" + digest.String(), nil
}

// Strict is the client without exceptions for insecure registries. The real programs forget these exceptions where they look whether a
// run image can be read, and a platform that relies on more would fail with them.
func (c *Client) Strict() *Client { return &Client{Keychain: c.Keychain} }

// CheckRead fails where the registry cannot be reached or refuses; a missing image is fine.
func (c *Client) CheckRead(ref string) error {
	_, err := c.head(ref)
	// Not errors.As: the answer to a try over plain HTTP, after TLS failed, is no answer.
	answer, isAnswer := err.(*transport.Error)
	if err == nil || (isAnswer && answer.StatusCode != http.StatusUnauthorized && answer.StatusCode != http.StatusForbidden) {
		return nil
	}
	return fmt.Errorf("failed to ensure registry read access to %s: %w", ref, err)
}

// CheckWrite starts an upload and takes it back.
func (c *Client) CheckWrite(ref string) error {
	err := c.tryWrite(ref)
	if err != nil {
		return fmt.Errorf("failed to ensure registry read/write access to %s: %w", ref, err)
	}
	return nil
}

func (c *Client) tryWrite(ref string) error {
	if err := c.CheckRead(ref); err != nil {
		return errors.Unwrap(err)
	}
	parsed, through, err := c.resolve(ref)
	if err != nil {
		return err
	}
	return remote.CheckPushPermission(parsed, c.Keychain, through)
}

// Push writes an image under a name.
func (c *Client) Push(ref string, image v1.Image) error {
	parsed, options, err := c.options(ref)
	if err != nil {
		return err
	}
	return remote.Write(parsed, image, options...)
}

// Delete removes a manifest.
func (c *Client) Delete(ref string) error {
	parsed, options, err := c.options(ref)
	if err != nil {
		return err
	}
	return remote.Delete(parsed, options...)
}

// Label reads one label of an image; an image without it gives an empty text.
func Label(image v1.Image, key string) (string, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return "", err
	}
	return config.Config.Labels[key], nil
}
