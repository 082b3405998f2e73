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

// tokenPrefix tells a person, and a scanner of leaked secrets, what it is.
const tokenPrefix = "moot_"

// A TokenRequest asks for a join token.
type TokenRequest struct {
	Room   string
	Role   events.Role
	TTL    time.Duration // default DefaultTokenTTL
	ID     string        // default: random
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
	SHA256  string      `json:"sha256"`
}

// Tokens keeps join tokens in a folder, one file each (0600), read at every use: so
// another process may add or remove one while the hub runs. Safe for concurrent use.
type Tokens struct{ dir string }

// OpenTokens makes the folder (0700) if it is missing.
func OpenTokens(dir string) (*Tokens, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("token folder: %w", err)
	}
	return &Tokens{dir: dir}, nil
}

// New makes a token. Its text is returned once and not kept.
func (t *Tokens) New(r TokenRequest, now time.Time) (text string, info TokenInfo, err error) {
	if err := r.validate(); err != nil {
		return "", TokenInfo{}, err
	}
	if r.ID == "" {
		r.ID = randomText(5)
	}
	if r.TTL == 0 {
		r.TTL = DefaultTokenTTL
	}
	text = tokenPrefix + r.ID + "_" + randomText(20)
	info = TokenInfo{
		ID: r.ID, Room: r.Room, Role: r.Role, PeerID: r.PeerID,
		Created: events.At(now), Expires: events.At(now.Add(r.TTL)), SHA256: hashToken(text),
	}
	return text, info, t.keep(info)
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

// keep writes a token's file whole, and never over another's.
func (t *Tokens) keep(info TokenInfo) error {
	data, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return fmt.Errorf("encode token: %w", err)
	}
	f, err := os.CreateTemp(t.dir, ".new-*") // 0600
	if err != nil {
		return fmt.Errorf("keep token: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(append(data, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("keep token: %w", err)
	}
	err = os.Link(f.Name(), t.path(info.ID))
	if errors.Is(err, fs.ErrExist) {
		return events.Errorf(events.CodeUsage, "there is a token %q already", info.ID).WithTry("another --id, or none")
	}
	if err != nil {
		return fmt.Errorf("keep token: %w", err)
	}
	return nil
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
// CodeUnauthorized, an expired one CodeTokenExpired.
func (t *Tokens) Check(text string, now time.Time) (TokenInfo, error) {
	unknown := events.Errorf(events.CodeUnauthorized, "the hub does not know this token").
		WithTry("moothall token new --room ROOM --role ROLE, on the hub")
	id, ok := tokenID(text)
	if !ok {
		return TokenInfo{}, unknown.WithFact("it is not one of this hub's tokens: they read %sID_SECRET", tokenPrefix)
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
	if !now.Before(info.Expires.Time) {
		return TokenInfo{}, events.Errorf(events.CodeTokenExpired, "the token expired %s (%s)",
			humanize.RelTime(info.Expires.Time, now, "ago", ""), info.Expires.UTC().Format("2006-01-02 15:04 UTC")).
			WithTry("moothall token new --room %s --role %s, on the hub", info.Room, info.Role)
	}
	return info, nil
}

// tokenID is the id in a token's text. The secret has no "_", an id may.
func tokenID(text string) (string, bool) {
	rest, ok := strings.CutPrefix(text, tokenPrefix)
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
