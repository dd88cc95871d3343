package cli

import (
	"errors"
	"fmt"
)

// Exit codes of the platform API.
const (
	CodeFailed          = 1
	CodeInvalidArgs     = 3
	CodePlatformAPI     = 11
	CodeBuildpackAPI    = 12
	CodeNoneDetected    = 20
	CodeDetectErrored   = 21
	CodeDetectInternal  = 22
	CodeAnalyze         = 32
	CodeRestore         = 42
	CodeBuildpackFailed = 51
	CodeBuild           = 52
	CodeExport          = 62
	CodeRebase          = 72
	CodeLaunch          = 82
)

// Failure ends a program with an exit code of the platform API and a line "failed to ACTION: CAUSE".
type Failure struct {
	Code   int
	Action string
	Cause  error
}

// Error writes the line that users and platforms read.
func (f *Failure) Error() string {
	if f.Cause == nil {
		return "failed to " + f.Action
	}
	return fmt.Sprintf("failed to %s: %s", f.Action, f.Cause)
}

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Cause }

// Fail makes a Failure.
func Fail(code int, action string, cause error) error {
	return &Failure{Code: code, Action: action, Cause: cause}
}

// FailUnlessCoded wraps cause in a Failure, but leaves one that already carries a code alone.
func FailUnlessCoded(code int, action string, cause error) error {
	var coded *Failure
	if errors.As(cause, &coded) {
		return cause
	}
	return Fail(code, action, cause)
}

// CodeOf gives the exit code that an error asks for.
func CodeOf(err error) int {
	var coded *Failure
	switch {
	case err == nil:
		return 0
	case errors.As(err, &coded):
		return coded.Code
	default:
		return CodeFailed
	}
}
