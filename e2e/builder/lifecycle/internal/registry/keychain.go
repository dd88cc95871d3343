// Package registry reads and writes images in registries, with the credentials of the environment.
package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
)

// Keychain looks for credentials in CNB_REGISTRY_AUTH first, then in config.json of DOCKER_CONFIG or of the home directory.
func Keychain() (authn.Keychain, error) {
	headers := map[string]string{}
	if text := os.Getenv("CNB_REGISTRY_AUTH"); text != "" {
		if err := json.Unmarshal([]byte(text), &headers); err != nil {
			return nil, fmt.Errorf("reading auth env var: failed to parse CNB_REGISTRY_AUTH value: %w", err)
		}
	}
	byHost := headerKeychain{}
	for host, header := range headers {
		byHost[hostOf(host)] = header
	}
	return authn.NewMultiKeychain(byHost, authn.DefaultKeychain), nil
}

// headerKeychain maps the host of a registry to an Authorization header.
type headerKeychain map[string]string

// Resolve gives the credentials for a registry.
func (k headerKeychain) Resolve(resource authn.Resource) (authn.Authenticator, error) {
	header, known := k[resource.RegistryStr()]
	if !known {
		return authn.Anonymous, nil
	}
	config, err := parseHeader(header)
	if err != nil {
		return nil, fmt.Errorf("parsing auth header: %w", err)
	}
	return authn.FromConfig(config), nil
}

func parseHeader(header string) (authn.AuthConfig, error) {
	scheme, value, _ := strings.Cut(header, " ")
	switch strings.ToLower(scheme) {
	case "basic":
		return authn.AuthConfig{Auth: value}, nil
	case "bearer":
		return authn.AuthConfig{RegistryToken: value}, nil
	case "x-identity":
		return authn.AuthConfig{IdentityToken: value}, nil
	default:
		return authn.AuthConfig{}, errors.New("unknown auth type from header")
	}
}

func hostOf(address string) string {
	address = strings.TrimPrefix(strings.TrimPrefix(address, "http://"), "https://")
	host, _, _ := strings.Cut(address, "/")
	return host
}
