package programs

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"epinio.io/e2e/builder/lifecycle/internal/format"
)

// programs is the folder with the compiled programs, which TestMain fills once.
var programs string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "lifecycle-test-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		programs = filepath.Join(dir, "bin")
		build := exec.Command("go", "build", "-o", programs+"/", "../../cmd/...")
		build.Stderr = os.Stderr
		if err := errors.Join(os.Chmod(dir, 0o755), build.Run()); err != nil { //nolint:gosec // other users run what is in it
			panic(err)
		}
		for _, name := range []string{"analyzer", "detector", "restorer", "builder", "exporter", "rebaser"} {
			if err := os.Symlink("lifecycle", filepath.Join(programs, name)); err != nil {
				panic(err)
			}
		}
		return m.Run()
	}())
}

// bench is one build pod: its volumes, and where it pushes to.
type bench struct {
	t        *testing.T
	dir      string
	registry *server
	env      []string
	// repository of the app: builds in other folders would find layers in it that belong elsewhere.
	repository string
	// uid of the build: programs that run buildpacks refuse root, so as root the tests become somebody else.
	uid, gid uint32
}

func newBench(t *testing.T, registry *server, files map[string]string) *bench {
	t.Helper()
	dir := sharedDir(t)
	b := &bench{t: t, dir: dir, repository: "apps/" + filepath.Base(dir), registry: registry, uid: uint32(os.Getuid()), gid: uint32(os.Getgid())}
	if b.uid == 0 {
		b.uid, b.gid = 1001, 1000
	}
	for _, volume := range []string{"layers", "workspace", "platform/env", "cache", "tmp"} {
		must(t, os.MkdirAll(b.path(volume), 0o777))
	}
	must(t, exec.Command("cp", "-r", "../../../buildpacks", "../../../order.toml", b.dir).Run())
	for name, text := range files {
		b.write("workspace/"+name, text)
	}
	b.own()
	return b
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

// ref is where the app is pushed to, without a tag.
func (b *bench) ref() string { return b.registry.host + "/" + b.repository }

func (b *bench) write(name, text string) {
	b.t.Helper()
	must(b.t, os.MkdirAll(filepath.Dir(b.path(name)), 0o755))
	must(b.t, os.WriteFile(b.path(name), []byte(text), 0o644))
}

func (b *bench) own() {
	if os.Getuid() != 0 {
		return
	}
	must(b.t, filepath.WalkDir(b.dir, func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, int(b.uid), int(b.gid)))
	}))
}

// nextPod forgets everything but the source, as a new pod does.
func (b *bench) nextPod() {
	b.t.Helper()
	must(b.t, os.RemoveAll(b.path("layers")))
	must(b.t, os.MkdirAll(b.path("layers"), 0o777))
	b.own()
}

type outcome struct {
	code int
	log  string
}

// run calls one program with nothing in its environment but what a pod would give it.
func (b *bench) run(program string, args ...string) outcome {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	common := []string{"-layers=" + b.path("layers")}
	switch program {
	case "rebaser":
		common = nil
	case "detector":
		common = append(common, "-order="+b.path("order.toml"))
		fallthrough
	case "builder":
		common = append(common, "-buildpacks="+b.path("buildpacks"), "-platform="+b.path("platform"), "-app="+b.path("workspace"))
	case "exporter":
		common = append(common, "-app="+b.path("workspace"), "-launcher="+filepath.Join(programs, "launcher"))
	}
	command := exec.CommandContext(ctx, filepath.Join(programs, program), append(common, args...)...)
	command.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + b.path("tmp"), "TMPDIR=" + b.path("tmp"), "CNB_PLATFORM_API=0.13", "CNB_NO_COLOR=true",
		"CNB_USER_ID=" + number(b.uid), "CNB_GROUP_ID=" + number(b.gid),
	}, b.env...)
	if os.Getuid() == 0 {
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: b.uid, Gid: b.gid}}
	}
	output := &bytes.Buffer{}
	command.Stdout, command.Stderr = output, output
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		b.t.Fatal(err)
	}
	return outcome{command.ProcessState.ExitCode(), output.String()}
}

// build runs the programs one after the other, up to the first that fails.
func (b *bench) build(tags ...string) (string, outcome) {
	b.t.Helper()
	ref, cache := b.ref(), "-cache-image="+b.ref()+"/cache"
	tags = append([]string{"1"}, tags...)
	for i := range tags {
		tags[i] = ref + ":" + tags[i]
	}
	log := ""
	for _, step := range [][]string{
		{"analyzer", cache, "-run-image=" + b.registry.host + "/epinio/run:1", tags[0]},
		{"detector"},
		{"restorer", cache},
		{"builder"},
		append([]string{"exporter", cache}, tags...),
	} {
		result := b.run(step[0], step[1:]...)
		log += result.log
		if result.code != 0 {
			return step[0], outcome{result.code, log}
		}
	}
	return "", outcome{0, log}
}

// mustBuild builds, and returns the log and report.toml.
func (b *bench) mustBuild(tags ...string) (string, format.ImageReport) {
	b.t.Helper()
	failed, result := b.build(tags...)
	if failed != "" {
		b.t.Fatalf("%s: %d\n%s", failed, result.code, result.log)
	}
	var report format.Report
	must(b.t, format.Read(b.path("layers/report.toml"), &report))
	return result.log, report.Image
}

// config reads the configuration of a pushed image.
func (b *bench) config(tag string) *v1.ConfigFile {
	b.t.Helper()
	ref, err := name.ParseReference(b.ref() + ":" + tag)
	must(b.t, err)
	image, err := remote.Image(ref)
	must(b.t, err)
	config, err := image.ConfigFile()
	must(b.t, err)
	return config
}

// sharedDir is a temporary folder that other users can reach, which those of t.TempDir are not.
func sharedDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lifecycle-test-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755)) //nolint:gosec // on purpose
	return dir
}

func (s *server) bearer(t *testing.T, repositories ...string) authn.Authenticator {
	t.Helper()
	if s.key == nil {
		return authn.Anonymous
	}
	return authn.FromConfig(authn.AuthConfig{RegistryToken: s.token(t, repositories...)})
}

func trusting(pool *x509.CertPool) *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
}

func number(id uint32) string { return strconv.FormatUint(uint64(id), 10) }
