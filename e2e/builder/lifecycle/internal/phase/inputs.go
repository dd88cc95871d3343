package phase

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"epinio.io/e2e/builder/lifecycle/internal/cli"
	"epinio.io/e2e/builder/lifecycle/internal/format"
	"epinio.io/e2e/builder/lifecycle/internal/registry"
)

// base is what every phase starts from.
type base struct {
	in     *cli.Inputs
	log    *cli.Logger
	client *registry.Client
}

func (b *base) connect() error {
	keychain, err := registry.Keychain()
	if err != nil {
		return cli.Fail(cli.CodeFailed, "resolve keychain", err)
	}
	b.client = &registry.Client{Keychain: keychain, Insecure: b.in.InsecureRegistries}
	return nil
}

// checkReferences makes sure that all names are names of images, and that all targets are in one registry.
func (b *base) checkReferences(targets []string) error {
	hosts := map[string]bool{}
	for _, ref := range targets {
		parsed, err := registry.ParseReference(ref)
		if err != nil {
			return err
		}
		hosts[parsed.Context().RegistryStr()] = true
	}
	for _, ref := range []string{b.in.PreviousImage, b.in.RunImage, b.in.CacheImage} {
		if ref == "" {
			continue
		}
		if _, err := registry.ParseReference(ref); err != nil {
			return err
		}
	}
	if len(hosts) > 1 {
		return errors.New("writing to multiple registries is unsupported")
	}
	return nil
}

func (b *base) warnIfNoCache() {
	if b.in.CacheImage == "" && b.in.CacheDir == "" {
		b.log.Warnf("No cached data will be used, no cache specified.")
	}
}

func (b *base) warnOfLaunchCache() {
	if b.in.LaunchCacheDir != "" {
		b.log.Warnf("Ignoring -launch-cache, only intended for use with -daemon")
	}
}

func (b *base) readAnalyzed() (format.Analyzed, error) {
	var analyzed format.Analyzed
	err := format.Read(b.in.AnalyzedPath, &analyzed)
	if os.IsNotExist(err) {
		b.log.Warnf("No analyzed metadata found at path %q", b.in.AnalyzedPath)
		return analyzed, nil
	}
	if err != nil {
		return analyzed, fmt.Errorf("failed to read analyzed file: %w", err)
	}
	return analyzed, nil
}

func (b *base) writeAnalyzed(analyzed format.Analyzed) error {
	if err := format.Write(b.in.AnalyzedPath, analyzed); err != nil {
		return fmt.Errorf("failed to write analyzed file: %w", err)
	}
	return nil
}

// readGroup reads group.toml and refuses buildpacks of an unknown API.
func (b *base) readGroup() ([]format.Buildpack, error) {
	var group format.Group
	if err := format.Read(b.in.GroupPath, &group); err != nil {
		return nil, fmt.Errorf("failed to read group file: %w", err)
	}
	if len(group.Extensions) > 0 {
		return nil, errors.New("failed to read group file: image extensions are not supported by this test lifecycle")
	}
	for _, buildpack := range group.Group {
		if err := cli.BuildpackAPI(buildpack.String(), buildpack.API); err != nil {
			return nil, err
		}
	}
	return group.Group, nil
}

func (b *base) readRun() (format.Run, error) {
	var run format.Run
	err := format.Read(b.in.RunPath, &run)
	if os.IsNotExist(err) {
		b.log.Infof("No run metadata found at path %q", b.in.RunPath)
		return run, nil
	}
	if err != nil {
		return run, fmt.Errorf("failed to read run file: %w", err)
	}
	return run, nil
}

func (b *base) readStack() (format.Stack, error) {
	var stack struct {
		RunImage format.ImageMirrors `toml:"run-image"`
	}
	err := format.Read(b.in.StackPath, &stack)
	if os.IsNotExist(err) {
		b.log.Infof("No stack metadata found at path %q", b.in.StackPath)
		err = nil
	}
	if err != nil {
		return format.Stack{}, fmt.Errorf("failed to read stack file: %w", err)
	}
	return format.Stack{RunImage: stack.RunImage}, nil
}

// lists says whether an entry of run.toml means this image, whatever the digest.
func lists(entry format.ImageMirrors, ref string) bool {
	wanted := tagged(ref)
	for _, one := range append([]string{entry.Image}, entry.Mirrors...) {
		if one != "" && tagged(one) == wanted {
			return true
		}
	}
	return false
}

func tagged(ref string) string {
	ref, _, _ = strings.Cut(ref, "@sha256:")
	parsed, err := registry.ParseReference(ref)
	if err != nil {
		return ref
	}
	return parsed.Name()
}
