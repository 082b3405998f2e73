package jobs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"github.com/moothall/moothall/events"
)

// A User is whom the commands of jobs run as, instead of the worker's own. Only a worker
// that runs as root can have one (docs/adr/0030).
type User struct {
	Name   string   `json:"name"`
	UID    uint32   `json:"uid"`
	GID    uint32   `json:"gid"`
	Groups []uint32 `json:"groups"` // further ones: those of devices, for one
	Home   string   `json:"home"`
}

// UnmarshalText looks up a user by name or number.
func (u *User) UnmarshalText(text []byte) error {
	found, err := user.Lookup(string(text))
	var id uint32
	if err != nil && toID(string(text), &id) == nil { // else the system's own look-up cuts the number off
		found, err = user.LookupId(string(text))
	}
	if err != nil {
		return fmt.Errorf("there is no user %q here", text)
	}
	groups, err := found.GroupIds()
	if err != nil {
		return fmt.Errorf("the groups of %s cannot be read: %w", found.Username, err)
	}
	u.Name, u.Home = found.Username, found.HomeDir
	return errors.Join(toID(found.Uid, &u.UID), toID(found.Gid, &u.GID), u.join(groups))
}

func (u *User) join(groups []string) error {
	u.Groups = make([]uint32, len(groups))
	for i, g := range groups {
		if err := toID(g, &u.Groups[i]); err != nil {
			return err
		}
	}
	return nil
}

func toID(text string, into *uint32) error {
	n, err := strconv.ParseUint(text, 10, 32)
	*into = uint32(n)
	return err
}

// String is for people.
func (u *User) String() string { return u.Name }

// credential is nil for the worker's own user.
func (u *User) credential() *syscall.Credential {
	if u == nil {
		return nil
	}
	return &syscall.Credential{Uid: u.UID, Gid: u.GID, Groups: u.Groups}
}

// home is "" for the worker's own.
func (u *User) home() string {
	if u == nil {
		return ""
	}
	return u.Home
}

// owns reports whether a file is one that a job of this user may have made. It may link to
// a file of another's where the system lets it.
func (u *User) owns(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return u == nil || !ok || s.Uid == u.UID
}

// Admit lets the user pass through the folders of a path that are the worker's own: the
// state folder and that of the jobs. The error, for a person, names a folder above
// through which it cannot.
func (u *User) Admit(own ...string) error {
	for _, dir := range own {
		if err := os.MkdirAll(dir, passOnly); err != nil {
			return err
		}
		if err := os.Chmod(dir, passOnly); err != nil {
			return err
		}
	}
	for dir := filepath.Clean(own[len(own)-1]); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if !u.passes(info) {
			return events.Errorf(events.CodeConfig, "jobs run as %s, who may not pass through the folder %s (%s)", u.Name, dir, info.Mode()).
				WithTry("a MOOT_STATE_DIR elsewhere, such as /var/lib/moot-worker, or chmod o+x %s", dir)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// passOnly is the mode of a folder that others may go through and not list.
const passOnly = 0o711

func (u *User) passes(info fs.FileInfo) bool {
	const owner, group, others = 0o100, 0o010, 0o001
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return true
	}
	bit := fs.FileMode(others)
	switch {
	case s.Uid == u.UID:
		bit = owner
	case s.Gid == u.GID || slices.Contains(u.Groups, s.Gid):
		bit = group
	}
	return info.Mode()&bit != 0
}

// userOf is whom a command will run as.
func userOf(cmd *exec.Cmd) uint32 {
	if cmd.SysProcAttr != nil && cmd.SysProcAttr.Credential != nil {
		return cmd.SysProcAttr.Credential.Uid
	}
	return uint32(os.Getuid())
}
