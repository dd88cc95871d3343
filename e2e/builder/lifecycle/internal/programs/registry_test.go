package programs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/google/go-containerregistry/pkg/name"
)

// server is a docker-registry of our own on loopback.
type server struct {
	host   string
	caFile string
	key    *ecdsa.PrivateKey
	cert   []byte
}

// startRegistry runs Debian's docker-registry; with tokens it speaks TLS and lets in who has one, as the bundled registry does.
func startRegistry(t *testing.T, tokens bool) *server {
	t.Helper()
	binary, err := exec.LookPath("docker-registry")
	if err != nil {
		t.Fatal("these tests need a real registry: apt-get install docker-registry")
	}
	dir, s := t.TempDir(), &server{host: freeAddress(t)}
	config := fmt.Sprintf("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s/data}, delete: {enabled: true}}\nhttp:\n  addr: %s\n", dir, s.host)
	client, scheme := http.DefaultClient, "http"
	if tokens {
		s.makeCertificate(t, dir)
		config += fmt.Sprintf("  tls: {certificate: %[1]s/tls.crt, key: %[1]s/tls.key}\nauth: {token: {realm: 'https://%[2]s/token', service: registry, issuer: epinio, rootcertbundle: %[1]s/tls.crt}}\n", dir, s.host)
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(s.cert)
		client, scheme = trusting(pool), "https"
	}
	file := filepath.Join(dir, "config.yml")
	must(t, os.WriteFile(file, []byte(config), 0o600))
	process := exec.Command(binary, "serve", file)
	log, err := os.Create(filepath.Join(dir, "log"))
	must(t, err)
	process.Stderr = log
	must(t, process.Start())
	t.Cleanup(func() {
		_ = process.Process.Kill()
		_ = process.Wait()
		log.Close()
	})
	s.await(t, dir, client, scheme)
	s.pushRunImage(t, client.Transport)
	return s
}

func (s *server) await(t *testing.T, dir string, client *http.Client, scheme string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		answer, err := client.Get(scheme + "://" + s.host + "/v2/")
		if err == nil {
			answer.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Fatalf("docker-registry does not answer: %v\n%s", err, log)
		}
	}
}

// pushRunImage makes an image of one layer that is what apps run upon.
func (s *server) pushRunImage(t *testing.T, through http.RoundTripper) {
	t.Helper()
	image, err := random.Image(1024, 1)
	must(t, err)
	config, err := image.ConfigFile()
	must(t, err)
	config.OS, config.Architecture = "linux", "amd64"
	config.Config = v1.Config{
		User: "1001:1000", Env: []string{"PATH=/bin", "KEPT=yes"}, Cmd: []string{"sh"},
		Labels: map[string]string{"io.buildpacks.base.distro.name": "debian", "io.buildpacks.base.distro.version": "12"},
	}
	image, err = mutate.ConfigFile(image, config)
	must(t, err)
	ref, err := name.ParseReference(s.host + "/epinio/run:1")
	must(t, err)
	options := []remote.Option{remote.WithAuth(s.bearer(t, "epinio/run"))}
	if through != nil {
		options = append(options, remote.WithTransport(through))
	}
	must(t, remote.Write(ref, image, options...))
}

func (s *server) makeCertificate(t *testing.T, dir string) {
	t.Helper()
	var err error
	s.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "registry"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &s.key.PublicKey, s.key)
	must(t, err)
	keyDER, err := x509.MarshalECPrivateKey(s.key)
	must(t, err)
	s.cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	must(t, os.WriteFile(filepath.Join(dir, "tls.crt"), s.cert, 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "tls.key"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), 0o600))
	s.caFile = filepath.Join(sharedDir(t), "ca.crt")
	must(t, os.WriteFile(s.caFile, s.cert, 0o644)) //nolint:gosec // a certificate is public, and the programs run as another user
}

// token signs offline what the registry would otherwise send its clients to a token server for.
func (s *server) token(t *testing.T, repositories ...string) string {
	t.Helper()
	block, _ := pem.Decode(s.cert)
	access := []map[string]any{}
	for _, repository := range repositories {
		access = append(access, map[string]any{"type": "repository", "name": repository, "actions": []string{"pull", "push"}})
	}
	now := time.Now().Unix()
	header := encode(t, map[string]any{"typ": "JWT", "alg": "ES256", "x5c": []string{base64.StdEncoding.EncodeToString(block.Bytes)}})
	claims := encode(t, map[string]any{
		"iss": "epinio", "aud": "registry", "sub": "run", "jti": fmt.Sprint(now), "iat": now, "nbf": now - 60, "exp": now + 600, "access": access,
	})
	sum := sha256.Sum256([]byte(header + "." + claims))
	r, sig, err := ecdsa.Sign(rand.Reader, s.key, sum[:])
	must(t, err)
	signature := append(r.FillBytes(make([]byte, 32)), sig.FillBytes(make([]byte, 32))...)
	return header + "." + claims + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func encode(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	must(t, err)
	return base64.RawURLEncoding.EncodeToString(text)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer listener.Close()
	return listener.Addr().String()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
