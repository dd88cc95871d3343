package api

import "testing"

func TestWhichVersionsAreSpoken(t *testing.T) {
	cases := []struct {
		text                string
		platform, buildpack bool
		unreadable          bool
	}{
		{text: "0.7", platform: true, buildpack: true},
		{text: "0.12", platform: true, buildpack: true},
		{text: "0.15", platform: true},
		{text: "v0.13", platform: true},
		{text: "0.6"},
		{text: "0.16"},
		{text: "1"},
		{text: "abc", unreadable: true},
		{text: "0.12.1", unreadable: true},
		{text: "", unreadable: true},
	}
	for _, c := range cases {
		t.Run("version '"+c.text+"'", func(t *testing.T) {
			version, err := Parse(c.text)
			if (err != nil) != c.unreadable {
				t.Fatalf("Parse: %v", err)
			}
			if c.unreadable {
				return
			}
			if got := SupportedPlatform(version); got != c.platform {
				t.Errorf("as platform API: %v", got)
			}
			if got := SupportedBuildpack(version); got != c.buildpack {
				t.Errorf("as buildpack API: %v", got)
			}
		})
	}
}
