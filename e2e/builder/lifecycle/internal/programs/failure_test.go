package programs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestHowABuildFails(t *testing.T) {
	registry := startRegistry(t, false)
	cases := []struct {
		name, fault, program string
		files                map[string]string
		code                 int
		words                string
	}{
		{"nothing detects", "", "detector", map[string]string{"notes.txt": ""}, 20, "ERROR: failed to detect: no buildpacks participating"},
		{"nothing detects and one errs", "detect", "detector", map[string]string{"notes.txt": ""}, 21, "ERROR: failed to detect: buildpack(s) failed with err"},
		{"a buildpack fails", "build", "builder", site, 51, "ERROR: failed to build: exit status 7"},
		{"a buildpack fails after a long log", "log:200,build:3", "builder", site, 51, "line 200 of 200"},
		{"a buildpack is killed", "kill", "builder", site, 51, "ERROR: failed to build: signal: killed"},
		{"a buildpack leaves nonsense", "layer", "builder", site, 52, "should be in the types table"},
		{"what cannot be exported", "export", "exporter", site, 62, "invalid process type 'bad/type'"},
		{"an empty Procfile", "", "builder", map[string]string{"Procfile": "# nothing\n"}, 51, "The Procfile names no process"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, registry, c.files)
			if c.fault != "" {
				b.write("platform/env/BP_TEST_FAIL", c.fault)
			}
			program, result := b.build()
			if program != c.program || result.code != c.code || !strings.Contains(result.log, c.words) {
				t.Errorf("%s: %d\n%s", program, result.code, result.log)
			}
		})
	}
}

func TestAMissingRunImageIsNoticedOnlyAtTheEnd(t *testing.T) {
	b := newBench(t, startRegistry(t, false), site)
	ref := b.ref() + ":1"
	result := b.run("analyzer", "-run-image="+b.registry.host+"/epinio/nope:1", ref)
	if want := `Image with name "` + b.registry.host + `/epinio/nope:1" not found`; result.code != 0 || !strings.Contains(result.log, want) {
		t.Fatalf("%d\n%s", result.code, result.log)
	}
	for _, program := range []string{"detector", "restorer", "builder"} {
		if result := b.run(program); result.code != 0 {
			t.Fatalf("%s: %d\n%s", program, result.code, result.log)
		}
	}
	result = b.run("exporter", ref)
	if result.code != 3 || !strings.Contains(result.log, "run image not found in analyzed metadata") {
		t.Errorf("%d\n%s", result.code, result.log)
	}
}

func TestARegistryThatIsDown(t *testing.T) {
	b := newBench(t, &server{host: freeAddress(t)}, site)
	program, result := b.build()
	if program != "analyzer" || result.code != 32 || !strings.Contains(result.log, "connection refused") {
		t.Errorf("%s: %d\n%s", program, result.code, result.log)
	}
}

func TestATokenOpensWhatItNames(t *testing.T) {
	registry := startRegistry(t, true)
	cases := []struct {
		name    string
		access  []string // below the app's own repository: "", "/cache"; else whole names
		program string
		code    int
		words   string
	}{
		{"app, cache and run image", []string{"", "/cache", "epinio/run"}, "", 0, "*** Images (sha256:"},
		{"another app", []string{"apps/other", "epinio/run"}, "analyzer", 32, "401 Unauthorized"},
		{"not the cache", []string{"", "epinio/run"}, "analyzer", 32, "registry read/write access to"},
		{"not the run image", []string{"", "/cache"}, "analyzer", 32, "registry read access to"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, registry, site)
			b.allow(c.access...)
			program, result := b.build()
			if program != c.program || result.code != c.code || !strings.Contains(result.log, c.words) {
				t.Errorf("%s: %d\n%s", program, result.code, result.log)
			}
		})
	}
	t.Run("no cache rights at export only: a warning", func(t *testing.T) {
		b := newBench(t, registry, site)
		b.allow("", "/cache", "epinio/run")
		b.mustBuild()
		b.allow("", "epinio/run")
		result := b.run("exporter", "-cache-image="+b.ref()+"/cache", b.ref()+":1")
		if result.code != 0 || !strings.Contains(result.log, "Warning: Failed to export cache") {
			t.Errorf("%d\n%s", result.code, result.log)
		}
	})
	t.Run("without the registry's CA", func(t *testing.T) {
		b := newBench(t, registry, site)
		if program, result := b.build(); program != "analyzer" || result.code != 32 || !strings.Contains(result.log, "unknown authority") {
			t.Errorf("%s: %d\n%s", program, result.code, result.log)
		}
	})
}

// allow gives the build a token for some repositories, and the CA of the registry.
func (b *bench) allow(access ...string) {
	b.t.Helper()
	names := []string{}
	for _, name := range access {
		if name == "" || strings.HasPrefix(name, "/") {
			name = b.repository + name
		}
		names = append(names, name)
	}
	auth := `{"` + b.registry.host + `": "Bearer ` + b.registry.token(b.t, names...) + `"}`
	b.env = []string{"CNB_REGISTRY_AUTH=" + auth, "SSL_CERT_FILE=" + b.registry.caFile}
}

func TestAWrongCallIsToldBeforeAnythingIsDone(t *testing.T) {
	b := newBench(t, &server{host: "127.0.0.1:1"}, site)
	cases := []struct {
		name, program string
		args, env     []string
		code          int
		words         string
	}{
		{"no platform API", "analyzer", nil, []string{"CNB_PLATFORM_API="}, 11, "please set 'CNB_PLATFORM_API'"},
		{"a platform API of the future", "detector", nil, []string{"CNB_PLATFORM_API=0.16"}, 11, "platform API version '0.16' is incompatible"},
		{"an unknown flag", "builder", []string{"-nope"}, nil, 2, "flag provided but not defined: -nope"},
		{"no image", "analyzer", nil, nil, 3, "received 0 arguments, but expected 1"},
		{"a name that is none", "analyzer", []string{"-run-image=r.local/run", "r.local/Upper:1"}, nil, 3, "could not parse reference"},
		{"two registries", "analyzer", []string{"-run-image=r.local/run", "-tag=s.local/xx:1", "r.local/xx:1"}, nil, 3, "writing to multiple registries is unsupported"},
		{"an argument too many", "detector", []string{"x"}, nil, 3, "received unexpected arguments"},
		{"credentials that are none", "restorer", nil, []string{"CNB_REGISTRY_AUTH=x"}, 1, "failed to resolve keychain"},
		{"nothing detected before", "builder", nil, nil, 1, "failed to read group file"},
		{"its version", "exporter", []string{"-version"}, nil, 0, "0.1.0+epinio"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b.env = c.env
			if result := b.run(c.program, c.args...); result.code != c.code || !strings.Contains(result.log, c.words) {
				t.Errorf("%d\n%s", result.code, result.log)
			}
		})
	}
}

func TestErrorsAreRedUnlessColorIsOff(t *testing.T) {
	command := exec.Command(filepath.Join(programs, "analyzer"))
	command.Env = []string{"CNB_PLATFORM_API=0.13", "PATH=" + os.Getenv("PATH")}
	output, _ := command.CombinedOutput()
	if !strings.HasPrefix(string(output), "\x1b[31;1mERROR: \x1b[0m") {
		t.Errorf("got %q", output)
	}
}
