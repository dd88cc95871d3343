// Package api knows which versions of the platform and buildpack APIs these programs speak.
package api

import (
	"fmt"
	"regexp"
	"strconv"
)

// Version is an API version such as 0.13.
type Version struct{ Major, Minor int }

var pattern = regexp.MustCompile(`^v?(\d+)(?:\.(\d+))?$`)

// Parse reads a version written as "0.13", "v0.13" or "1".
func Parse(text string) (Version, error) {
	match := pattern.FindStringSubmatch(text)
	if match == nil {
		return Version{}, fmt.Errorf("could not parse '%s' as version", text)
	}
	major, _ := strconv.Atoi(match[1])
	minor, _ := strconv.Atoi(match[2])
	return Version{major, minor}, nil
}

// String writes the version as "major.minor".
func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// AtLeast says whether v is 0.minor or newer.
func (v Version) AtLeast(minor int) bool { return v.Major > 0 || v.Minor >= minor }

// SupportedPlatform says whether a platform may ask for v.
func SupportedPlatform(v Version) bool { return v.Major == 0 && v.Minor >= 7 && v.Minor <= 15 }

// SupportedBuildpack says whether a buildpack may be written for v.
func SupportedBuildpack(v Version) bool { return v.Major == 0 && v.Minor >= 7 && v.Minor <= 12 }
