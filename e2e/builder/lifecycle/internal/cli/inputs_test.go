package cli

import (
	"os"
	"path/filepath"
	"testing"

	"epinio.io/e2e/builder/lifecycle/internal/api"
)

func parsed(t *testing.T, phase Phase, version string, args ...string) *Inputs {
	t.Helper()
	spoken, err := api.Parse(version)
	if err != nil {
		t.Fatal(err)
	}
	in := fromEnvironment(spoken)
	if err := newFlagSet(phase, in).Parse(args); err != nil {
		t.Fatal(err)
	}
	if err := in.resolvePaths(); err != nil {
		t.Fatal(err)
	}
	return in
}

func TestAPhaseKnowsOnlyTheFlagsOfItsAPI(t *testing.T) {
	cases := []struct {
		phase   Phase
		flag    string
		version string
		known   bool
	}{
		{Analyze, "insecure-registry", "0.12", false},
		{Analyze, "insecure-registry", "0.13", true},
		{Analyze, "stack", "0.11", true},
		{Analyze, "stack", "0.12", false},
		{Analyze, "cache-dir", "0.13", false},
		{Detect, "uid", "0.13", false},
		{Detect, "system", "0.14", false},
		{Detect, "system", "0.15", true},
		{Restore, "run", "0.13", false},
		{Restore, "run", "0.14", true},
		{Build, "cache-image", "0.13", false},
		{Build, "analyzed", "0.11", false},
		{Export, "process-type", "0.7", true},
		{Export, "tag", "0.13", false},
	}
	for _, c := range cases {
		name := string(c.phase) + " -" + c.flag + " in " + c.version
		t.Run(name, func(t *testing.T) {
			version, _ := api.Parse(c.version)
			if known := newFlagSet(c.phase, fromEnvironment(version)).Lookup(c.flag) != nil; known != c.known {
				t.Errorf("known: %v", known)
			}
		})
	}
}

func TestAFlagBeatsTheEnvironmentWhichBeatsTheDefault(t *testing.T) {
	t.Setenv("CNB_APP_DIR", "/from-env")
	t.Setenv("CNB_USER_ID", "1001")
	t.Setenv("CNB_INSECURE_REGISTRIES", "one:5000,two")
	if in := parsed(t, Export, "0.13"); in.AppDir != "/from-env" || in.UID != 1001 || in.LayersDir != "/layers" {
		t.Errorf("environment: %+v", in)
	}
	in := parsed(t, Export, "0.13", "-app=/from-flag", "-uid", "7", "-insecure-registry=three")
	if in.AppDir != "/from-flag" || in.UID != 7 {
		t.Errorf("flags: %+v", in)
	}
	if got := in.InsecureRegistries.String(); got != "one:5000,two,three" {
		t.Errorf("repeated flags add up: %s", got)
	}
}

func TestFilesMoveWithTheLayersDirectory(t *testing.T) {
	layers := t.TempDir()
	in := parsed(t, Detect, "0.13", "-layers="+layers)
	if in.GroupPath != layers+"/group.toml" || in.ReportPath != layers+"/report.toml" {
		t.Errorf("paths: %s, %s", in.GroupPath, in.ReportPath)
	}
	if in.OrderPath != "/cnb/order.toml" {
		t.Errorf("without <layers>/order.toml the builder's counts: %s", in.OrderPath)
	}
	if err := os.WriteFile(filepath.Join(layers, "order.toml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if in := parsed(t, Detect, "0.13", "-layers="+layers); in.OrderPath != layers+"/order.toml" {
		t.Errorf("with it, that one: %s", in.OrderPath)
	}
}

func TestWhatIsNotFulfilledIsRefused(t *testing.T) {
	for _, args := range [][]string{{"-daemon"}, {"-layout"}, {"-extended=/x"}} {
		if parsed(t, Export, "0.13", args...).Unsupported() == nil {
			t.Errorf("%v was accepted", args)
		}
	}
	if err := parsed(t, Export, "0.13").Unsupported(); err != nil {
		t.Error(err)
	}
}
