package registry

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

func resolve(t *testing.T, host string) (*authn.AuthConfig, error) {
	t.Helper()
	keychain, err := Keychain()
	if err != nil {
		return nil, err
	}
	registry, err := name.NewRegistry(host)
	if err != nil {
		t.Fatal(err)
	}
	found, err := keychain.Resolve(registry)
	if err != nil {
		return nil, err
	}
	return found.Authorization()
}

func TestCredentialsComeFromTheVariableFirst(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	config := `{"auths": {"here:5000": {"username": "file", "password": "secret"}, "http://there:5000": {"auth": "ZmlsZTpzZWNyZXQ="}}}`
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CNB_REGISTRY_AUTH", `{"here:5000": "Bearer token", "https://other:5000/v1": "basic dTpw"}`)

	cases := []struct {
		host string
		want authn.AuthConfig
	}{
		{"here:5000", authn.AuthConfig{RegistryToken: "token"}},
		{"other:5000", authn.AuthConfig{Username: "u", Password: "p", Auth: "dTpw"}},
		{"there:5000", authn.AuthConfig{Username: "file", Password: "secret"}},
		{"nowhere:5000", authn.AuthConfig{}},
	}
	for _, c := range cases {
		t.Run(c.host, func(t *testing.T) {
			got, err := resolve(t, c.host)
			if err != nil {
				t.Fatal(err)
			}
			if got.RegistryToken != c.want.RegistryToken || (got.Username != c.want.Username && got.Auth != c.want.Auth) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestACredentialThatIsNoneIsAnError(t *testing.T) {
	t.Setenv("CNB_REGISTRY_AUTH", "not json")
	if _, err := Keychain(); err == nil {
		t.Error("no JSON, no error")
	}
	t.Setenv("CNB_REGISTRY_AUTH", `{"here:5000": "Digest x"}`)
	if _, err := resolve(t, "here:5000"); err == nil {
		t.Error("an unknown kind was accepted")
	}
}
