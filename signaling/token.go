package signaling

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/moothall/moothall/events"
)

// DefaultTokenTTL is the life of a join token if none is asked for.
const DefaultTokenTTL = 24 * time.Hour

// A TokenRequest asks for a join token.
type TokenRequest struct {
	Room   string
	Role   events.Role
	TTL    time.Duration // default DefaultTokenTTL
	ID     string        // default: random. A token with a chosen id fits one key only
	PeerID string        // admits this peer id only; default: any
}

// TokenInfo is what the hub keeps of a join token: never the token, only its hash.
type TokenInfo struct {
	ID      string      `json:"id"`
	Room    string      `json:"room_id"`
	Role    events.Role `json:"role"`
	PeerID  string      `json:"peer_id,omitempty"`
	Created events.Time `json:"created"`
	Expires events.Time `json:"expires"`
	Revoked events.Time `json:"revoked,omitzero"`
	OneKey  bool        `json:"one_key,omitempty"` // it fits the first key that joins with it
	NKey    string      `json:"nkey,omitempty"`    // that key
	SHA256  string      `json:"sha256,omitempty"`
}

// Tokens keeps join tokens in a folder, one file each (0600), read at every use: so
// another process may add or revoke one while the hub runs. Safe for concurrent use.
type Tokens struct{ dir string }

// OpenTokens makes the folder (0700) if it is missing.
func OpenTokens(dir string) (*Tokens, error) {
	if err := os.MkdirAll(filepath.Join(dir, keysFolder), 0o700); err != nil {
		return nil, fmt.Errorf("token folder: %w", err)
	}
	return &Tokens{dir: dir}, nil
}

// New makes a token. Its text is returned once and not kept.
func (t *Tokens) New(r TokenRequest, now time.Time) (text string, info TokenInfo, err error) {
	if err := r.validate(); err != nil {
		return "", TokenInfo{}, err
	}
	chosen := r.ID != ""
	if !chosen {
		r.ID = randomText(5)
	}
	if r.TTL == 0 {
		r.TTL = DefaultTokenTTL
	}
	text = events.TokenPrefix + r.ID + "_" + randomText(20)
	info = TokenInfo{
		ID: r.ID, Room: r.Room, Role: r.Role, PeerID: r.PeerID,
		Created: events.At(now), Expires: events.At(now.Add(r.TTL)),
		OneKey: chosen, SHA256: hashToken(text),
	}
	return text, info, t.add(info, now)
}

func (r TokenRequest) validate() error {
	if err := events.ValidID("room", r.Room); err != nil {
		return err
	}
	if !r.Role.Valid() {
		return events.Errorf(events.CodeInvalid, "role %q is not one of worker, client, viewer", r.Role)
	}
	if r.TTL < 0 {
		return events.Errorf(events.CodeInvalid, "a token cannot live %s", r.TTL)
	}
	if r.ID != "" {
		if err := events.ValidID("token id", r.ID); err != nil {
			return err
		}
	}
	if r.PeerID != "" {
		return events.ValidID("peer id", r.PeerID)
	}
	return nil
}

// add keeps a new token. An id that was used is free again once its token has
// ended: the old text has another secret.
func (t *Tokens) add(info TokenInfo, now time.Time) error {
	return t.exclusively(func() error {
		old, err := readToken(t.path(info.ID))
		if err == nil && old.ended(now) == nil {
			return events.Errorf(events.CodeUsage, "there is a token %q already", info.ID).
				WithTry("another --id, or first: moothall token revoke %s", info.ID)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil {
			if err := t.forget(old, now); err != nil {
				return err
			}
		}
		return t.write(info)
	})
}

func (t *Tokens) path(id string) string { return filepath.Join(t.dir, id+".json") }

// List returns all tokens, expired ones included, by id.
func (t *Tokens) List() ([]TokenInfo, error) {
	names, err := filepath.Glob(filepath.Join(t.dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	slices.Sort(names)
	all := []TokenInfo{}
	for _, name := range names {
		info, err := readToken(name)
		if err != nil {
			return nil, err
		}
		all = append(all, info)
	}
	return all, nil
}

// Check returns what a token admits to. Whatever is not a token of this hub is
// CodeUnauthorized, an expired one CodeTokenExpired, a revoked one CodeTokenRevoked.
func (t *Tokens) Check(text string, now time.Time) (TokenInfo, error) {
	text, _ = events.SplitToken(text)
	unknown := events.Errorf(events.CodeUnauthorized, "the hub does not know this token").
		WithTry("moothall token new --room ROOM --role ROLE, on the hub")
	id, ok := tokenID(text)
	if !ok {
		return TokenInfo{}, unknown.WithFact("it is not one of this hub's tokens: they read %sID_SECRET", events.TokenPrefix)
	}
	info, err := readToken(t.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return TokenInfo{}, unknown.WithFact("there is no token with id %s here", id)
	}
	if err != nil {
		return TokenInfo{}, err
	}
	if subtle.ConstantTimeCompare([]byte(info.SHA256), []byte(hashToken(text))) != 1 {
		return TokenInfo{}, unknown.WithFact("token %s has another secret", id)
	}
	return info, info.ended(now)
}

// ended says why a token admits nobody any more, nil while it does.
func (i TokenInfo) ended(now time.Time) error {
	what, at, code := "", i.Revoked.Time, events.CodeTokenRevoked
	switch {
	case !at.IsZero():
		what = "was revoked"
	case !now.Before(i.Expires.Time):
		what, at, code = "expired", i.Expires.Time, events.CodeTokenExpired
	default:
		return nil
	}
	return events.Errorf(code, "the token %s %s (%s)", what, humanize.RelTime(at, now, "ago", ""), at.UTC().Format("2006-01-02 15:04 UTC")).
		WithTry("moothall token new --room %s --role %s, on the hub", i.Room, i.Role)
}

// tokenID is the id in a token's text. The secret has no "_", an id may.
func tokenID(text string) (string, bool) {
	rest, ok := strings.CutPrefix(text, events.TokenPrefix)
	i := strings.LastIndexByte(rest, '_')
	if !ok || i < 0 || events.ValidID("token id", rest[:i]) != nil {
		return "", false
	}
	return rest[:i], true
}

func readToken(path string) (TokenInfo, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return TokenInfo{}, fmt.Errorf("read token: %w", err)
	}
	var info TokenInfo
	if err := json.Unmarshal(data, &info); err != nil {
		return TokenInfo{}, fmt.Errorf("read token %s: %w", path, err)
	}
	return info, nil
}

func hashToken(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// randomText is n random bytes in lower-case base32.
func randomText(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
}
