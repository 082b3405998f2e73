package signaling

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/moothall/moothall/events"
)

// keysFolder holds, beside the tokens, a file for each with the keys that it admitted:
// to revoke a token is to refuse these keys.
const keysFolder = "keys"

// releasedKeys is the file of keys whose peer id was released. No token id begins so.
const releasedKeys = "_released"

// maxKeysFile is the size at which lines that have ended are dropped. Bytes.
const maxKeysFile = 1 << 20

// An Admitted key has credentials as a peer of a room. They were issued At and end at
// Until.
type Admitted struct {
	NKey, Room, Peer string
	Until, At        time.Time
}

func (a Admitted) line() string {
	return fmt.Sprintf("%s %s %s %d %d\n", a.NKey, a.Room, a.Peer, a.Until.Unix(), a.At.Unix())
}

func parseAdmitted(line string) (a Admitted, ok bool) {
	f := strings.Fields(line)
	if len(f) != 5 {
		return a, false
	}
	until, err1 := strconv.ParseInt(f[3], 10, 64)
	at, err2 := strconv.ParseInt(f[4], 10, 64)
	a = Admitted{NKey: f[0], Room: f[1], Peer: f[2], Until: time.Unix(until, 0), At: time.Unix(at, 0)}
	return a, errors.Join(err1, err2) == nil
}

// Admit notes that a token is about to admit a key. A token of one key is bound to it;
// another key is CodeForbidden. A token that has ended is refused, also if it ended
// since it was checked: whoever revokes it finds the key in the list.
func (t *Tokens) Admit(info TokenInfo, a Admitted) error {
	if info.OneKey && info.NKey == "" {
		var err error
		info, err = t.edit(info.ID, func(i *TokenInfo) error {
			if i.NKey == "" {
				i.NKey = a.NKey
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if info.OneKey && info.NKey != a.NKey {
		return events.Errorf(events.CodeForbidden, "token %s fits one key only, and another has it", info.ID).
			WithTry("start it with the state folder that it had before, or on the hub: moothall token new --room %s --role %s", info.Room, info.Role)
	}
	if err := t.note(info.ID, a); err != nil {
		return err
	}
	newest, err := readToken(t.path(info.ID))
	if err != nil {
		return err
	}
	return newest.ended(a.At)
}

// Release notes that a key lost its peer id: what it was issued until a.At is refused.
func (t *Tokens) Release(a Admitted) error { return t.note(releasedKeys, a) }

func (t *Tokens) note(name string, a Admitted) error {
	return t.exclusively(func() error { return t.append(name, a.line(), a.At) })
}

// append is called exclusively.
func (t *Tokens) append(name, lines string, now time.Time) error {
	path := t.keysPath(name)
	if s, err := os.Stat(path); err == nil && s.Size() > maxKeysFile {
		if err := t.prune(path, now); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("note admitted key: %w", err)
	}
	_, err = f.WriteString(lines)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("note admitted key: %w", err)
	}
	return nil
}

// forget makes way for another token of the same id. Keys that the old one, revoked,
// had admitted stay refused. It is called exclusively.
func (t *Tokens) forget(old TokenInfo, now time.Time) error {
	path := t.keysPath(old.ID)
	keys, err := readKeys(path)
	if err != nil {
		return err
	}
	var lines strings.Builder
	for _, a := range keys {
		if !old.Revoked.IsZero() && now.Before(a.Until) {
			a.At = old.Revoked.Time
			lines.WriteString(a.line())
		}
	}
	if err := t.append(releasedKeys, lines.String(), now); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget admitted keys: %w", err)
	}
	return nil
}

// prune keeps the lines that have not ended. Each key's last line counts.
func (t *Tokens) prune(path string, now time.Time) error {
	all, err := readKeys(path)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	for _, a := range all {
		if now.Before(a.Until) {
			b.WriteString(a.line())
		}
	}
	if err := renameio.WriteFile(path, b.Bytes(), 0o600); err != nil {
		return fmt.Errorf("drop ended keys: %w", err)
	}
	return nil
}

func (t *Tokens) keysPath(name string) string { return filepath.Join(t.dir, keysFolder, name) }

// readKeys reads a file of keys, the last line of each key. A torn last line is left
// out.
func readKeys(path string) (map[string]Admitted, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read admitted keys: %w", err)
	}
	all := map[string]Admitted{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		if a, ok := parseAdmitted(lines.Text()); ok {
			all[a.NKey] = a
		}
	}
	return all, lines.Err()
}

// Refused lists, by key, whose credentials are not to be accepted any more if they were
// issued no later than At: those of revoked tokens and of released peers.
func (t *Tokens) Refused(now time.Time) (map[string]Admitted, error) {
	refused := map[string]Admitted{}
	add := func(path string, since time.Time) error {
		keys, err := readKeys(path)
		for _, a := range keys {
			if !since.IsZero() {
				a.At = since
			}
			if now.Before(a.Until) && a.At.After(refused[a.NKey].At) {
				refused[a.NKey] = a
			}
		}
		return err
	}
	if err := add(t.keysPath(releasedKeys), time.Time{}); err != nil {
		return nil, err
	}
	tokens, err := t.List()
	if err != nil {
		return nil, err
	}
	for _, i := range tokens {
		if i.Revoked.IsZero() {
			continue
		}
		if err := add(t.keysPath(i.ID), i.Revoked.Time); err != nil {
			return nil, err
		}
	}
	return refused, nil
}

// admitted reports whether a token has let a key in whose credentials have not ended.
func (t *Tokens) admitted(id, nkey string, now time.Time) bool {
	keys, err := readKeys(t.keysPath(id))
	a, ok := keys[nkey]
	return err == nil && ok && now.Before(a.Until)
}

// state is a text that changes whenever Refused may.
func (t *Tokens) state() (string, error) {
	var b strings.Builder
	entries, err := os.ReadDir(t.dir)
	if err != nil {
		return "", fmt.Errorf("look at tokens: %w", err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".json") {
			continue
		}
		s, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("look at tokens: %w", err)
		}
		fmt.Fprintf(&b, "%s %d %d;", e.Name(), s.Size(), s.ModTime().UnixNano())
	}
	if s, err := os.Stat(t.keysPath(releasedKeys)); err == nil {
		fmt.Fprintf(&b, "%d %d", s.Size(), s.ModTime().UnixNano())
	}
	return b.String(), nil
}
