package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"epinio.io/e2e/builder/lifecycle/internal/api"
)

// Inputs is everything that a platform can tell one of the programs.
type Inputs struct {
	API         api.Version
	ShowVersion bool
	LogLevel    string
	NoColor     bool

	AppDir, LayersDir, PlatformDir, BuildpacksDir, BuildConfigDir string
	AnalyzedPath, GroupPath, PlanPath, OrderPath, SystemPath      string
	RunPath, StackPath, ReportPath, ProjectMetadataPath           string
	LauncherPath, LauncherSBOMDir                                 string

	OutputImage, PreviousImage, RunImage, DeprecatedImage string
	Tags, InsecureRegistries                              List

	CacheImage, CacheDir, LaunchCacheDir string
	SkipLayers, Parallel, Force          bool
	UID, GID                             int
	ProcessType, ExecEnv                 string

	// Known and refused: see Unsupported.
	Daemon, Layout                                                  bool
	LayoutDir, BuildImage, ExtensionsDir, GeneratedDir, ExtendedDir string
}

const (
	inLayers   = "<layers>"
	noExtended = inLayers + "/extended"
)

// fromEnvironment fills the inputs with the values of the environment and the defaults; flags come on top.
func fromEnvironment(version api.Version) *Inputs {
	skip, restore := envBool("CNB_SKIP_LAYERS"), envBool("CNB_SKIP_RESTORE")
	in := &Inputs{
		API:                 version,
		LogLevel:            envOr("CNB_LOG_LEVEL", "info"),
		NoColor:             envBool("CNB_NO_COLOR"),
		AppDir:              envOr("CNB_APP_DIR", "/workspace"),
		LayersDir:           envOr("CNB_LAYERS_DIR", "/layers"),
		PlatformDir:         envOr("CNB_PLATFORM_DIR", "/platform"),
		BuildpacksDir:       envOr("CNB_BUILDPACKS_DIR", "/cnb/buildpacks"),
		BuildConfigDir:      envOr("CNB_BUILD_CONFIG_DIR", "/cnb/build-config"),
		AnalyzedPath:        envOr("CNB_ANALYZED_PATH", inLayers+"/analyzed.toml"),
		GroupPath:           envOr("CNB_GROUP_PATH", inLayers+"/group.toml"),
		PlanPath:            envOr("CNB_PLAN_PATH", inLayers+"/plan.toml"),
		OrderPath:           envOr("CNB_ORDER_PATH", inLayers+"/order.toml"),
		SystemPath:          envOr("CNB_SYSTEM_PATH", "/cnb/system.toml"),
		RunPath:             envOr("CNB_RUN_PATH", "/cnb/run.toml"),
		StackPath:           envOr("CNB_STACK_PATH", "/cnb/stack.toml"),
		ReportPath:          envOr("CNB_REPORT_PATH", inLayers+"/report.toml"),
		ProjectMetadataPath: envOr("CNB_PROJECT_METADATA_PATH", inLayers+"/project-metadata.toml"),
		LauncherPath:        "/cnb/lifecycle/launcher",
		LauncherSBOMDir:     "/cnb/lifecycle",
		PreviousImage:       os.Getenv("CNB_PREVIOUS_IMAGE"),
		RunImage:            os.Getenv("CNB_RUN_IMAGE"),
		CacheImage:          os.Getenv("CNB_CACHE_IMAGE"),
		CacheDir:            os.Getenv("CNB_CACHE_DIR"),
		LaunchCacheDir:      os.Getenv("CNB_LAUNCH_CACHE_DIR"),
		SkipLayers:          skip || restore,
		Parallel:            envBool("CNB_PARALLEL_EXPORT"),
		Force:               envBool("CNB_FORCE_REBASE"),
		UID:                 envInt("CNB_USER_ID"),
		GID:                 envInt("CNB_GROUP_ID"),
		ProcessType:         os.Getenv("CNB_PROCESS_TYPE"),
		ExecEnv:             envOr("CNB_EXEC_ENV", "production"),
		Daemon:              envBool("CNB_USE_DAEMON"),
		Layout:              envBool("CNB_USE_LAYOUT"),
		BuildImage:          os.Getenv("CNB_BUILD_IMAGE"),
		ExtensionsDir:       envOr("CNB_EXTENSIONS_DIR", "/cnb/extensions"),
		GeneratedDir:        envOr("CNB_GENERATED_DIR", inLayers+"/generated"),
		ExtendedDir:         envOr("CNB_EXTENDED_DIR", noExtended),
	}
	if list := os.Getenv("CNB_INSECURE_REGISTRIES"); list != "" {
		in.InsecureRegistries = strings.Split(list, ",")
	}
	return in
}

// resolvePaths turns the paths below the layers directory, which a flag may have moved, into real ones.
func (in *Inputs) resolvePaths() error {
	if in.OrderPath == inLayers+"/order.toml" {
		if _, err := os.Stat(filepath.Join(in.LayersDir, "order.toml")); err != nil {
			in.OrderPath = "/cnb/order.toml"
		}
	}
	for _, path := range []*string{&in.AnalyzedPath, &in.GroupPath, &in.PlanPath, &in.OrderPath, &in.ReportPath, &in.ProjectMetadataPath} {
		*path = strings.Replace(*path, inLayers, in.LayersDir, 1)
	}
	for _, dir := range []*string{&in.AppDir, &in.LayersDir, &in.PlatformDir, &in.BuildpacksDir, &in.BuildConfigDir, &in.CacheDir} {
		if *dir == "" {
			continue
		}
		absolute, err := filepath.Abs(*dir)
		if err != nil {
			return err
		}
		*dir = absolute
	}
	return nil
}

// Unsupported names the first request that these programs understand but do not fulfil.
func (in *Inputs) Unsupported() error {
	requests := []struct {
		name  string
		asked bool
	}{
		{"-daemon", in.Daemon},
		{"-layout", in.Layout},
		{"-build-image", in.BuildImage != ""},
		{"-extended", in.ExtendedDir != noExtended},
	}
	for _, request := range requests {
		if request.asked {
			return fmt.Errorf("%s is not supported by this test lifecycle: it writes to registries only and knows no image extensions", request.name)
		}
	}
	return nil
}

func envOr(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func envBool(name string) bool {
	value, err := strconv.ParseBool(os.Getenv(name))
	return err == nil && value
}

func envInt(name string) int {
	value, _ := strconv.Atoi(os.Getenv(name))
	return value
}
