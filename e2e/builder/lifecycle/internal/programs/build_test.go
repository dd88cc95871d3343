package programs

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
)

var site = map[string]string{"index.html": "<h1>hello</h1>"}

func TestASourceBecomesAnImage(t *testing.T) {
	b := newBench(t, startRegistry(t, false), map[string]string{"index.html": "hello", "Procfile": "worker: sleep 60\n"})
	_, report := b.mustBuild("two", "three")

	ref := b.ref()
	if want := []string{ref + ":1", ref + ":two", ref + ":three"}; !reflect.DeepEqual(report.Tags, want) {
		t.Errorf("report names %v", report.Tags)
	}
	if !strings.HasPrefix(report.Digest, "sha256:") || report.ManifestSize == 0 {
		t.Errorf("report: %+v", report)
	}
	image := b.config("two")
	got := image.Config
	if !reflect.DeepEqual(got.Entrypoint, []string{"/cnb/process/web"}) || len(got.Cmd) > 0 || got.User != "1001:1000" || got.WorkingDir != b.path("workspace") {
		t.Errorf("config: %+v", got)
	}
	env := strings.Join(got.Env, " ")
	for _, want := range []string{"KEPT=yes", "CNB_PLATFORM_API=0.13", "PATH=/cnb/process:/cnb/lifecycle:/bin", "CNB_APP_DIR=" + b.path("workspace")} {
		if !strings.Contains(env, want) {
			t.Errorf("%s is not in %s", want, env)
		}
	}
	if layers := len(image.RootFS.DiffIDs); layers != 1+6 {
		t.Errorf("%d layers; wanted those of the run image, the buildpack, SBOM, app, launcher, config and process types", layers)
	}
	var metadata struct {
		Processes []struct{ Type string } `json:"processes"`
	}
	must(t, json.Unmarshal([]byte(got.Labels["io.buildpacks.build.metadata"]), &metadata))
	types := []string{}
	for _, process := range metadata.Processes {
		types = append(types, process.Type)
	}
	if !reflect.DeepEqual(types, []string{"web", "worker"}) {
		t.Errorf("processes: %v", types)
	}
}

func TestTheSameSourceGivesTheSameDigest(t *testing.T) {
	b := newBench(t, startRegistry(t, false), site)
	_, first := b.mustBuild()
	b.nextPod()
	log, again := b.mustBuild()
	if again.Digest != first.Digest {
		t.Errorf("%s became %s", first.Digest, again.Digest)
	}
	for _, line := range []string{"Reused 1/1 app layer(s)", "Reusing layer 'epinio/static:serve'", "Reusing layers from image '" + b.ref() + "@" + first.Digest} {
		if !strings.Contains(log, line) {
			t.Errorf("%s is not in the log:\n%s", line, log)
		}
	}
	b.write("workspace/index.html", "changed")
	b.nextPod()
	log, changed := b.mustBuild()
	if changed.Digest == first.Digest {
		t.Error("another source gave the same digest")
	}
	if !strings.Contains(log, "Added 1/1 app layer(s)") || !strings.Contains(log, "Reusing layer 'epinio/static:serve'") {
		t.Errorf("log:\n%s", log)
	}
}

// caching is a buildpack with a layer for the next build, which it finds again or makes anew.
var caching = map[string]string{
	"buildpacks/t_cache/1/buildpack.toml": "api = \"0.10\"\n[buildpack]\nid = \"t/cache\"\nversion = \"1\"\n",
	"buildpacks/t_cache/1/bin/detect":     "#!/bin/sh\n",
	"buildpacks/t_cache/1/bin/build": `#!/bin/sh
if [ -f "$1/deps/data" ]; then echo "found $(cat "$1/deps/data")"; else mkdir "$1/deps"; echo treasure > "$1/deps/data"; echo made; fi
printf '[types]\ncache = true\n' > "$1/deps.toml"
`,
	"order.toml": "[[order]]\n[[order.group]]\nid = \"t/cache\"\nversion = \"1\"\n",
}

func TestALayerComesBackFromTheCache(t *testing.T) {
	caches := map[string]func(*bench) string{
		"image": func(b *bench) string { return "-cache-image=" + b.ref() + "/cache" },
		"dir":   func(b *bench) string { return "-cache-dir=" + b.path("cache") },
	}
	registry := startRegistry(t, false)
	for name, flag := range caches {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, registry, site)
			for file, text := range caching {
				b.write(file, text)
			}
			for _, script := range []string{"detect", "build"} {
				must(t, os.Chmod(b.path("buildpacks/t_cache/1/bin/"+script), 0o755))
			}
			b.own()
			for i, want := range []string{"made", "found treasure"} {
				b.nextPod()
				log := ""
				for _, step := range [][]string{
					{"analyzer", "-run-image=" + b.registry.host + "/epinio/run:1", b.ref() + ":1"},
					{"detector"}, {"restorer", flag(b)}, {"builder"}, {"exporter", flag(b), b.ref() + ":1"},
				} {
					result := b.run(step[0], step[1:]...)
					if log += result.log; result.code != 0 {
						t.Fatalf("%s: %d\n%s", step[0], result.code, result.log)
					}
				}
				if !strings.Contains(log, want) {
					t.Errorf("build %d: %q is not in the log:\n%s", i+1, want, log)
				}
			}
		})
	}
}

func TestTheReportIsWrittenInPlace(t *testing.T) {
	b := newBench(t, startRegistry(t, false), site)
	b.mustBuild()
	// The kubelet mounts /dev/termination-log as a file: renaming another one over it would fail, and it may hold more text than we write.
	b.write("tmp/termination-log", strings.Repeat("x", 1000))
	b.own()
	before := inode(t, b.path("tmp/termination-log"))
	if result := b.run("exporter", "-report="+b.path("tmp/termination-log"), b.ref()+":1"); result.code != 0 {
		t.Fatal(result.log)
	}
	if inode(t, b.path("tmp/termination-log")) != before {
		t.Error("the file was replaced")
	}
	text, err := os.ReadFile(b.path("tmp/termination-log"))
	must(t, err)
	if !strings.HasPrefix(string(text), "[image]\n  tags = [") || strings.Contains(string(text), "x\n") || strings.Count(string(text), "\n") != 4 {
		t.Errorf("report:\n%s", text)
	}
}

func inode(t *testing.T, path string) uint64 {
	t.Helper()
	info, err := os.Stat(filepath.Clean(path))
	must(t, err)
	return info.Sys().(*syscall.Stat_t).Ino
}
