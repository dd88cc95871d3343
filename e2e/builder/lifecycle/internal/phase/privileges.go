// Package phase is the work of each program.
package phase

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"epinio.io/e2e/builder/lifecycle/internal/cli"
)

// becomeUser makes dirs writable for the user of the build and becomes that user; inside a pod it already is, and nothing happens.
func becomeUser(uid, gid int, dirs ...string) error {
	for _, dir := range dirs {
		if dir == "" {
			continue
		}
		if err := ensureOwner(dir, uid, gid); err != nil {
			return cli.Fail(cli.CodeFailed, "chown volumes", err)
		}
	}
	if uid == os.Getuid() && gid == os.Getgid() {
		return nil
	}
	err := syscall.Setresgid(gid, gid, gid)
	if err == nil {
		err = syscall.Setresuid(uid, uid, uid)
	}
	if err != nil {
		return cli.Fail(cli.CodeFailed, fmt.Sprintf("exec as user %d:%d", uid, gid), err)
	}
	return nil
}

func ensureOwner(dir string, uid, gid int) error {
	info, err := os.Stat(dir)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && writable(stat, uid, gid) {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.Chown(path, uid, gid)
		}
		return os.Lchown(path, uid, gid)
	})
}

func writable(stat *syscall.Stat_t, uid, gid int) bool {
	return int(stat.Uid) == uid || (int(stat.Gid) == gid && stat.Mode&0o020 != 0) || stat.Mode&0o002 != 0
}

// refuseRoot keeps the code of buildpacks from running as root.
func refuseRoot(action string) error {
	if os.Getuid() == 0 {
		return cli.Fail(cli.CodeFailed, action, errors.New("refusing to run as root"))
	}
	return nil
}
