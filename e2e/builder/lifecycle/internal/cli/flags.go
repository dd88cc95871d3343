package cli

import (
	"flag"
	"strings"
)

// Phase is one of the programs.
type Phase string

// The programs, named after what they are called by in /cnb/lifecycle.
const (
	Analyze Phase = "analyzer"
	Detect  Phase = "detector"
	Restore Phase = "restorer"
	Build   Phase = "builder"
	Export  Phase = "exporter"
	Rebase  Phase = "rebaser"
)

// flagSpec is one flag and the programs that know it, each since a minor version of the platform API.
type flagSpec struct {
	name   string
	usage  string
	since  map[Phase]int
	before int // unknown from this minor version on; 0 = never dropped
	value  func(*Inputs) any
}

const always = 0

var everyPhase = map[Phase]int{Analyze: always, Detect: always, Restore: always, Build: always, Export: always, Rebase: always}

var flagSpecs = []flagSpec{
	{name: "version", usage: "show version", since: everyPhase, value: func(in *Inputs) any { return &in.ShowVersion }},
	{name: "log-level", usage: "logging level", since: everyPhase, value: func(in *Inputs) any { return &in.LogLevel }},
	{name: "no-color", usage: "disable color output", since: everyPhase, value: func(in *Inputs) any { return &in.NoColor }},
	{name: "layers", usage: "path to layers directory", since: map[Phase]int{Analyze: always, Detect: always, Restore: always, Build: always, Export: always}, value: func(in *Inputs) any { return &in.LayersDir }},
	{name: "analyzed", usage: "path to analyzed.toml", since: map[Phase]int{Analyze: always, Detect: 10, Restore: always, Build: 12, Export: always}, value: func(in *Inputs) any { return &in.AnalyzedPath }},
	{name: "group", usage: "path to group.toml", since: map[Phase]int{Detect: always, Restore: always, Build: always, Export: always}, value: func(in *Inputs) any { return &in.GroupPath }},
	{name: "plan", usage: "path to plan.toml", since: map[Phase]int{Detect: always, Build: always}, value: func(in *Inputs) any { return &in.PlanPath }},
	{name: "order", usage: "path to order.toml", since: map[Phase]int{Detect: always}, value: func(in *Inputs) any { return &in.OrderPath }},
	{name: "system", usage: "path to system.toml", since: map[Phase]int{Detect: 15}, value: func(in *Inputs) any { return &in.SystemPath }},
	{name: "app", usage: "path to app directory", since: map[Phase]int{Detect: always, Build: always, Export: always}, value: func(in *Inputs) any { return &in.AppDir }},
	{name: "buildpacks", usage: "path to buildpacks directory", since: map[Phase]int{Detect: always, Build: always}, value: func(in *Inputs) any { return &in.BuildpacksDir }},
	{name: "platform", usage: "path to platform directory", since: map[Phase]int{Detect: always, Build: always}, value: func(in *Inputs) any { return &in.PlatformDir }},
	{name: "build-config", usage: "path to build config directory", since: map[Phase]int{Detect: 11, Build: 11}, value: func(in *Inputs) any { return &in.BuildConfigDir }},
	{name: "run", usage: "path to run.toml", since: map[Phase]int{Analyze: 12, Detect: 12, Restore: 14, Export: 12}, value: func(in *Inputs) any { return &in.RunPath }},
	{name: "stack", usage: "path to stack.toml", since: map[Phase]int{Analyze: always, Export: always}, before: 12, value: func(in *Inputs) any { return &in.StackPath }},
	{name: "run-image", usage: "reference to run image", since: map[Phase]int{Analyze: always, Export: always, Rebase: always}, value: func(in *Inputs) any { return &in.RunImage }},
	{name: "image", usage: "[deprecated] reference to run image", since: map[Phase]int{Export: always, Rebase: always}, value: func(in *Inputs) any { return &in.DeprecatedImage }},
	{name: "force", usage: "rebase whatever the metadata say", since: map[Phase]int{Rebase: 12}, value: func(in *Inputs) any { return &in.Force }},
	{name: "previous-image", usage: "reference to previous image", since: map[Phase]int{Analyze: always, Rebase: 11}, value: func(in *Inputs) any { return &in.PreviousImage }},
	{name: "tag", usage: "additional tags", since: map[Phase]int{Analyze: always}, value: func(in *Inputs) any { return &in.Tags }},
	{name: "cache-image", usage: "cache image tag name", since: map[Phase]int{Analyze: always, Restore: always, Export: always}, value: func(in *Inputs) any { return &in.CacheImage }},
	{name: "cache-dir", usage: "path to cache directory", since: map[Phase]int{Restore: always, Export: always}, value: func(in *Inputs) any { return &in.CacheDir }},
	{name: "launch-cache", usage: "path to launch cache directory", since: map[Phase]int{Analyze: 9, Export: always}, value: func(in *Inputs) any { return &in.LaunchCacheDir }},
	{name: "skip-layers", usage: "do not provide layer metadata to buildpacks", since: map[Phase]int{Analyze: 9, Restore: always}, value: func(in *Inputs) any { return &in.SkipLayers }},
	{name: "insecure-registry", usage: "insecure registries", since: map[Phase]int{Analyze: 13, Restore: 13, Export: 13, Rebase: 13}, value: func(in *Inputs) any { return &in.InsecureRegistries }},
	{name: "uid", usage: "UID of user in the stack's build and run images", since: map[Phase]int{Analyze: always, Restore: always, Export: always, Rebase: always}, value: func(in *Inputs) any { return &in.UID }},
	{name: "gid", usage: "GID of user's group in the stack's build and run images", since: map[Phase]int{Analyze: always, Restore: always, Export: always, Rebase: always}, value: func(in *Inputs) any { return &in.GID }},
	{name: "launcher", usage: "path to launcher binary", since: map[Phase]int{Export: always}, value: func(in *Inputs) any { return &in.LauncherPath }},
	{name: "launcher-sbom", usage: "path to launcher SBOM directory", since: map[Phase]int{Export: 11}, value: func(in *Inputs) any { return &in.LauncherSBOMDir }},
	{name: "parallel", usage: "export app image and cache image in parallel", since: map[Phase]int{Export: always}, value: func(in *Inputs) any { return &in.Parallel }},
	{name: "process-type", usage: "default process type", since: map[Phase]int{Export: always}, value: func(in *Inputs) any { return &in.ProcessType }},
	{name: "project-metadata", usage: "path to project-metadata.toml", since: map[Phase]int{Export: always}, value: func(in *Inputs) any { return &in.ProjectMetadataPath }},
	{name: "report", usage: "path to report.toml", since: map[Phase]int{Export: always, Rebase: always}, value: func(in *Inputs) any { return &in.ReportPath }},
	{name: "daemon", usage: "export to docker daemon", since: map[Phase]int{Analyze: always, Restore: 12, Export: always, Rebase: always}, value: func(in *Inputs) any { return &in.Daemon }},
	{name: "layout", usage: "export to OCI layout format on disk", since: map[Phase]int{Analyze: 12, Restore: 12, Export: 12}, value: func(in *Inputs) any { return &in.Layout }},
	{name: "layout-dir", usage: "path to output directory for images in OCI layout format", since: map[Phase]int{Analyze: 12, Restore: 12, Export: 12}, value: func(in *Inputs) any { return &in.LayoutDir }},
	{name: "build-image", usage: "build image tag name", since: map[Phase]int{Restore: 10}, value: func(in *Inputs) any { return &in.BuildImage }},
	{name: "extensions", usage: "path to extensions directory", since: map[Phase]int{Detect: 10}, value: func(in *Inputs) any { return &in.ExtensionsDir }},
	{name: "generated", usage: "path to output directory for files generated by image extensions", since: map[Phase]int{Detect: 10, Restore: 12}, value: func(in *Inputs) any { return &in.GeneratedDir }},
	{name: "extended", usage: "path to output directory for image layers created from applying generated Dockerfiles", since: map[Phase]int{Export: 12}, value: func(in *Inputs) any { return &in.ExtendedDir }},
}

// newFlagSet defines exactly the flags that the phase has in the platform API of in; a flag of another version is an error, as it is for the real programs.
func newFlagSet(phase Phase, in *Inputs) *flag.FlagSet {
	set := flag.NewFlagSet("lifecycle", flag.ExitOnError)
	for _, spec := range flagSpecs {
		since, known := spec.since[phase]
		if !known || !in.API.AtLeast(since) || (spec.before > 0 && in.API.AtLeast(spec.before)) {
			continue
		}
		switch value := spec.value(in).(type) {
		case *string:
			set.StringVar(value, spec.name, *value, spec.usage)
		case *bool:
			set.BoolVar(value, spec.name, *value, spec.usage)
		case *int:
			set.IntVar(value, spec.name, *value, spec.usage)
		case *List:
			set.Var(value, spec.name, spec.usage)
		}
	}
	return set
}

// List is a flag that may be repeated.
type List []string

// String joins the values.
func (l *List) String() string { return strings.Join(*l, ",") }

// Set adds one value.
func (l *List) Set(value string) error {
	*l = append(*l, value)
	return nil
}
