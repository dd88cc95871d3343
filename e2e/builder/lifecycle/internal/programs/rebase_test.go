package programs

import (
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"epinio.io/e2e/builder/lifecycle/internal/format"
)

func TestRebasePutsTheLayersOfTheAppUponAnotherRunImage(t *testing.T) {
	registry := startRegistry(t, false)
	b := newBench(t, registry, map[string]string{"index.html": "hello"})
	_, built := b.mustBuild()
	before := b.config("1")
	// The same name, another image.
	registry.pushRunImage(t, nil)
	run := configOf(t, registry.host+"/epinio/run:1")

	report := b.path("tmp/report.toml")
	result := b.run("rebaser", "-force", "-run-image="+registry.host+"/epinio/run:1", "-previous-image="+b.ref()+"@"+built.Digest, "-report="+report, b.ref()+":2")
	if result.code != 0 {
		t.Fatalf("%d\n%s", result.code, result.log)
	}
	after := b.config("2")
	if len(after.RootFS.DiffIDs) != len(before.RootFS.DiffIDs) || after.RootFS.DiffIDs[0] != run.RootFS.DiffIDs[0] {
		t.Errorf("the image has the layers %v, run image %v, before %v", after.RootFS.DiffIDs, run.RootFS.DiffIDs, before.RootFS.DiffIDs)
	}
	for i := 1; i < len(before.RootFS.DiffIDs); i++ {
		if after.RootFS.DiffIDs[i] != before.RootFS.DiffIDs[i] {
			t.Errorf("layer %d is another one", i)
		}
	}
	if after.Config.Entrypoint[0] != before.Config.Entrypoint[0] || after.Config.WorkingDir != before.Config.WorkingDir {
		t.Errorf("the app starts in another way: %v", after.Config)
	}
	var written format.Report
	must(t, format.Read(report, &written))
	if written.Image.Digest == "" || written.Image.Digest == built.Digest {
		t.Errorf("the report names %q", written.Image.Digest)
	}
	// Again, it starts from where it stands now, and changes nothing.
	again := b.run("rebaser", "-force", "-run-image="+registry.host+"/epinio/run:1", "-previous-image="+b.ref()+":2", "-report="+report, b.ref()+":3")
	must(t, format.Read(report, &written))
	if again.code != 0 || written.Image.Digest != digestOf(t, b.ref()+":2") {
		t.Errorf("%d, %q\n%s", again.code, written.Image.Digest, again.log)
	}
}

func TestRebaseFailsWithWordsAndCodes(t *testing.T) {
	registry := startRegistry(t, false)
	b := newBench(t, registry, map[string]string{"index.html": "hello"})
	b.mustBuild()
	run := "-run-image=" + registry.host + "/epinio/run:1"
	for _, one := range []struct {
		what string
		args []string
		code int
	}{
		{"no image", []string{run}, 3},
		{"an image that is not there", []string{"-force", run, b.ref() + ":nope"}, 72},
		{"a run image that is not there", []string{"-force", "-run-image=" + registry.host + "/epinio/nope:1", b.ref() + ":1"}, 1},
		{"a run image of another name, without force", []string{run, b.ref() + ":1"}, 72},
		{"a flag of another program", []string{"-group=x", run, b.ref() + ":1"}, 2},
	} {
		if got := b.run("rebaser", one.args...); got.code != one.code {
			t.Errorf("%s: %d instead of %d\n%s", one.what, got.code, one.code, got.log)
		}
	}
}

func configOf(t *testing.T, ref string) *v1.ConfigFile {
	t.Helper()
	parsed, err := name.ParseReference(ref)
	must(t, err)
	image, err := remote.Image(parsed)
	must(t, err)
	config, err := image.ConfigFile()
	must(t, err)
	return config
}

func digestOf(t *testing.T, ref string) string {
	t.Helper()
	parsed, err := name.ParseReference(ref)
	must(t, err)
	found, err := remote.Head(parsed)
	must(t, err)
	return found.Digest.String()
}
