package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/google/renameio/v2"
	"github.com/moothall/moothall/events"
	"github.com/nats-io/nkeys"
)

// A Rotation says when the role keys were last replaced, and until when JWTs of the
// former ones are taken. Both are zero if they never were.
type Rotation struct{ At, Until time.Time }

// rotatedFile holds the last rotation. It is written after the keys.
const rotatedFile = "rotated"

// Rotate replaces the role keys in dir: what they sign from now on is signed by the
// new ones, and what the old ones signed is taken for grace longer. A grace that still
// runs ends with it. A hub on the folder learns of it by Reload.
func Rotate(dir string, grace time.Duration, now time.Time) (Rotation, error) {
	unlock, err := lockFolder(dir)
	if err != nil {
		return Rotation{}, err
	}
	defer unlock()
	o := opener{dir: dir}
	for _, role := range roles {
		o.open(roleFile(role), nkeys.PrefixByteAccount)
		o.replace(role, grace > 0)
		o.open(roleFile(role), nkeys.PrefixByteAccount)
	}
	if o.err != nil {
		return Rotation{}, o.err
	}
	r := Rotation{At: now, Until: now.Add(grace)}
	text := fmt.Sprintf("%s %s\n", r.At.UTC().Format(time.RFC3339Nano), r.Until.UTC().Format(time.RFC3339Nano))
	if err := renameio.WriteFile(filepath.Join(dir, rotatedFile), []byte(text), 0o600); err != nil {
		return Rotation{}, fmt.Errorf("keep rotation: %w", err)
	}
	return r, nil
}

// Rotate is Rotate on the folder of these keys, which learn of it by Reload, as all do.
func (k *Keys) Rotate(grace time.Duration, now time.Time) (Rotation, error) {
	return Rotate(k.dir, grace, now)
}

func roleFile(r events.Role) string   { return "role-" + string(r) }
func formerFile(r events.Role) string { return "role-" + string(r) + "-former" }

// replace takes a role's present key away, and keeps it as the former one or not.
func (o *opener) replace(role events.Role, keep bool) {
	if o.err != nil {
		return
	}
	present, former := o.path(roleFile(role)), o.path(formerFile(role))
	if keep {
		o.err = os.Rename(present, former)
		return
	}
	o.err = errors.Join(removeFile(former), removeFile(present))
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// openRoles reads the role keys, and the former ones of a rotation in its grace.
func (k *Keys) openRoles(o *opener) {
	present, former := map[events.Role]nkeys.KeyPair{}, map[events.Role]nkeys.KeyPair{}
	for _, role := range roles {
		present[role] = o.open(roleFile(role), nkeys.PrefixByteAccount)
		if _, err := os.Stat(o.path(formerFile(role))); err == nil {
			former[role] = o.open(formerFile(role), nkeys.PrefixByteAccount)
		}
	}
	rotated := o.rotation()
	if o.err != nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.roles, k.former, k.rotated = present, former, rotated
}

func (o *opener) rotation() Rotation {
	var r Rotation
	text, err := os.ReadFile(filepath.Join(o.dir, rotatedFile))
	if o.err != nil || errors.Is(err, fs.ErrNotExist) {
		return r
	}
	at, until, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	if err == nil {
		r.At, err = time.Parse(time.RFC3339Nano, at)
	}
	if err == nil {
		r.Until, err = time.Parse(time.RFC3339Nano, until)
	}
	if err != nil {
		o.err = fmt.Errorf("read rotation: %w", err)
	}
	return r
}

// Reload takes over a rotation that another process made, and ends a grace that is
// over. It reports whether anything changed; then the server is to Apply it.
func (k *Keys) Reload(now time.Time) (changed bool, err error) {
	o := opener{dir: k.dir}
	rotated := o.rotation()
	if o.err != nil {
		return false, o.err
	}
	k.mu.RLock()
	over := len(k.former) > 0 && !now.Before(k.rotated.Until)
	changed = !rotated.At.Equal(k.rotated.At) || over
	k.mu.RUnlock()
	if !changed {
		return false, nil
	}
	unlock, err := lockFolder(k.dir)
	if err != nil {
		return false, err
	}
	defer unlock()
	if !now.Before(o.rotation().Until) {
		for _, role := range roles {
			if err := removeFile(o.path(formerFile(role))); err != nil {
				return false, fmt.Errorf("end of a rotation's grace: %w", err)
			}
		}
	}
	k.openRoles(&o)
	return o.err == nil, o.err
}

// Rotation is the last one.
func (k *Keys) Rotation() Rotation {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.rotated
}

// Refuse sets the keys whose JWTs, if issued no later than the time given, are not
// taken. It reports whether that is another set than before; then the server is to
// Apply it.
func (k *Keys) Refuse(keys map[string]time.Time) (changed bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if maps.EqualFunc(keys, k.refused, time.Time.Equal) {
		return false
	}
	k.refused = maps.Clone(keys)
	return true
}

// lockFolder keeps other processes from changing keys meanwhile.
func lockFolder(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		return nil, fmt.Errorf("lock keys: %w", err)
	}
	return func() { _ = f.Close() }, nil
}
