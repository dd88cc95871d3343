package phase

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"epinio.io/e2e/builder/lifecycle/internal/api"
	"epinio.io/e2e/builder/lifecycle/internal/cli"
	"epinio.io/e2e/builder/lifecycle/internal/env"
	"epinio.io/e2e/builder/lifecycle/internal/format"
)

// descriptorOf reads buildpack.toml of a buildpack in the builder image.
func (b *base) descriptorOf(buildpack format.Buildpack) (*format.Descriptor, error) {
	dir := filepath.Join(b.in.BuildpacksDir, format.EscapeID(buildpack.ID), buildpack.Version)
	descriptor := &format.Descriptor{}
	if err := format.Read(filepath.Join(dir, "buildpack.toml"), descriptor); err != nil {
		return nil, err
	}
	descriptor.Dir = dir
	return descriptor, nil
}

// targetOrBuilder completes what the run image says of its system by what /etc/os-release of the builder says.
func (b *base) targetOrBuilder(target format.Target) format.Target {
	if target.Distro != nil {
		return target
	}
	if target.OS == "" {
		target.OS = "linux"
	}
	if target.Arch == "" {
		target.Arch = runtime.GOARCH
	}
	b.log.Infof("target distro name/version labels not found, reading /etc/os-release file")
	target.Distro = &format.Distro{}
	text, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return target
	}
	for _, line := range strings.Split(string(text), "\n") {
		name, value, _ := strings.Cut(line, "=")
		switch name {
		case "ID":
			target.Distro.Name = strings.Trim(value, `" `)
		case "VERSION_ID":
			target.Distro.Version = strings.Trim(value, `" `)
		}
	}
	return target
}

// suits says whether a buildpack works on the target; no targets at all means any Linux.
func suits(descriptor *format.Descriptor, target format.Target) bool {
	if len(descriptor.Targets) == 0 {
		return true
	}
	for _, filter := range descriptor.Targets {
		if same(filter.OS, target.OS) && same(filter.Arch, target.Arch) && same(filter.Variant, target.Variant) && suitsDistro(filter.Distros, target.Distro) {
			return true
		}
	}
	return false
}

func suitsDistro(wanted []format.Distro, actual *format.Distro) bool {
	if len(wanted) == 0 || actual == nil {
		return true
	}
	for _, distro := range wanted {
		if same(distro.Name, actual.Name) && same(distro.Version, actual.Version) {
			return true
		}
	}
	return false
}

func same(one, other string) bool { return one == "" || other == "" || one == other }

// environmentOf is what bin/detect and bin/build of a buildpack see, apart from the paths that only one of them gets.
func (b *base) environmentOf(descriptor *format.Descriptor, from *env.Env, target format.Target) (*env.Env, error) {
	platformDir := b.in.PlatformDir
	if descriptor.Buildpack.ClearEnv {
		platformDir = ""
	}
	all, err := from.WithUser(platformDir, b.in.BuildConfigDir)
	if err != nil {
		return nil, err
	}
	version, err := api.Parse(descriptor.API)
	if err != nil {
		return nil, err
	}
	all.Set("CNB_BUILDPACK_DIR", descriptor.Dir)
	if version.AtLeast(8) {
		all.Set("CNB_PLATFORM_DIR", b.in.PlatformDir)
	}
	if version.AtLeast(10) {
		setIfAny(all, "CNB_TARGET_OS", target.OS)
		setIfAny(all, "CNB_TARGET_ARCH", target.Arch)
		setIfAny(all, "CNB_TARGET_ARCH_VARIANT", target.Variant)
		if target.Distro != nil {
			setIfAny(all, "CNB_TARGET_DISTRO_NAME", target.Distro.Name)
			setIfAny(all, "CNB_TARGET_DISTRO_VERSION", target.Distro.Version)
		}
	}
	if version.AtLeast(12) {
		setIfAny(all, "CNB_EXEC_ENV", b.in.ExecEnv)
	}
	return all, nil
}

func setIfAny(all *env.Env, name, value string) {
	if value != "" {
		all.Set(name, value)
	}
}

func (b *base) readOrder() ([]format.Group, error) {
	var order format.Order
	if err := format.Read(b.in.OrderPath, &order); err != nil {
		return nil, fmt.Errorf("reading order: failed to read order file: %w", err)
	}
	if len(order.Extensions) > 0 {
		return nil, fmt.Errorf("reading order: image extensions are not supported by this test lifecycle")
	}
	if err := b.refuseSystemBuildpacks(); err != nil {
		return nil, err
	}
	for _, group := range order.Order {
		for _, buildpack := range group.Group {
			descriptor, err := b.descriptorOf(buildpack)
			if err != nil {
				return nil, err
			}
			if err := cli.BuildpackAPI(buildpack.String(), descriptor.API); err != nil {
				return nil, err
			}
			if len(descriptor.Order) > 0 {
				return nil, fmt.Errorf("buildpack %s is made of other buildpacks, which this test lifecycle does not support", buildpack)
			}
		}
	}
	return order.Order, nil
}

func (b *base) refuseSystemBuildpacks() error {
	var system format.System
	if !b.in.API.AtLeast(15) {
		return nil
	}
	err := format.Read(b.in.SystemPath, &system)
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("reading system: failed to read system file: %w", err)
	}
	if len(system.System.Pre.Buildpacks)+len(system.System.Post.Buildpacks) > 0 {
		return fmt.Errorf("reading system: system buildpacks are not supported by this test lifecycle")
	}
	return nil
}
