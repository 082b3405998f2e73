package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/nats-io/nkeys"
)

// A door is the hub's HTTP side, where a peer shows its token.
type door struct {
	url     string // of the hub, for messages
	joinURL string
	cfg     Config
	nkey    string // public half of cfg.Key
	http    *http.Client
}

// An admission is a join reply and for how long, from now, its JWT is good.
type admission struct {
	reply events.JoinReply
	life  time.Duration
}

func newDoor(cfg Config) (*door, error) {
	if err := events.CheckHubAddress(cfg.HubURL); err != nil {
		return nil, err
	}
	base, err := url.Parse(cfg.HubURL)
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, events.Errorf(events.CodeConfig, "hub %q is not http(s)://host:port", cfg.HubURL)
	}
	if err := checkScheme(base, cfg.Token); err != nil {
		return nil, err
	}
	if err := events.ValidID("room", cfg.Room); err != nil {
		return nil, events.Errorf(events.CodeConfig, "%s", err)
	}
	if !cfg.Role.Valid() {
		return nil, events.Errorf(events.CodeConfig, "role %q is not worker, client or viewer", cfg.Role)
	}
	if cfg.Key == nil {
		return nil, events.Errorf(events.CodeConfig, "no key to join with")
	}
	nkey, err := cfg.Key.PublicKey()
	if err != nil || !nkeys.IsValidPublicUserKey(nkey) {
		return nil, events.Errorf(events.CodeConfig, "the key to join with is not a user nkey")
	}
	d := &door{
		url:     base.String(),
		joinURL: base.JoinPath("v1", "rooms", cfg.Room, "join").String(),
		cfg:     cfg,
		nkey:    nkey,
		http:    cfg.HTTP,
	}
	if d.http == nil {
		d.http = NewHTTP(cfg.Token)
	}
	return d, nil
}

// join asks for a JWT. ctx bounds it.
func (d *door) join(ctx context.Context) (admission, error) {
	token, _ := events.SplitToken(d.cfg.Token.Reveal())
	body, err := json.Marshal(events.JoinRequest{Token: token, NKey: d.nkey, PeerID: d.cfg.PeerID, Protocol: events.ProtocolVersion})
	if err != nil {
		return admission{}, events.AsError(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.joinURL, bytes.NewReader(body))
	if err != nil {
		return admission{}, events.AsError(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := d.http.Do(req)
	if err != nil {
		return admission{}, d.unreachable(ctx, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, events.MaxMessage+1))
	if err != nil {
		return admission{}, d.unreachable(ctx, err)
	}
	a := admission{}
	if err := d.decode(resp, data, &a.reply); err != nil {
		return admission{}, err
	}
	a.life = a.reply.Expires.Sub(hubTime(resp))
	return a, d.check(a.reply)
}

// hubTime is the hub's clock, as the answer's date has it: a laptop's own may be
// hours off.
func hubTime(resp *http.Response) time.Time {
	if t, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		return t
	}
	return time.Now()
}

func (d *door) decode(resp *http.Response, data []byte, reply *events.JoinReply) error {
	var refused events.ErrorReply
	if resp.StatusCode != http.StatusOK && json.Unmarshal(data, &refused) == nil && refused.Error != nil {
		return d.refusal(refused.Error)
	}
	if resp.StatusCode == http.StatusBadRequest && bytes.Contains(data, []byte("HTTP request to an HTTPS server")) {
		return events.Errorf(events.CodeConfig, "the hub at %s speaks TLS", d.url).
			WithTry("MOOT_HUB=%s", strings.Replace(d.url, "http:", "https:", 1))
	}
	if resp.StatusCode != http.StatusOK || events.Decode(data, reply) != nil {
		return events.Errorf(events.CodeUnreachable, "%s is not a moothall hub (it answered with HTTP status %d)", d.url, resp.StatusCode).
			WithTry("the address that moothall up printed, as MOOT_HUB")
	}
	return nil
}

// refusal adds what the hub cannot know or should not repeat: where it was asked and
// with which token (its length and end only).
func (d *door) refusal(e *events.Error) error {
	switch e.Code {
	case events.CodeUnauthorized, events.CodeTokenExpired, events.CodeTokenRevoked, events.CodeForbidden:
	default:
		return e
	}
	token, _ := events.SplitToken(d.cfg.Token.Reveal())
	e = e.WithFact("asked the hub at %s with a token of %d characters%s", d.url, len(token), tail(token))
	if e.Try == "" {
		e = e.WithTry("moothall token new --role %s --room %s", d.cfg.Role, d.cfg.Room)
	}
	return e
}

// tail is the end of a secret that is long enough to spare it.
func tail(secret string) string {
	const shown, enough = 4, 24
	if len(secret) < enough {
		return ""
	}
	return fmt.Sprintf(" (ends in …%s)", secret[len(secret)-shown:])
}

// check refuses a reply that would make this peer someone else.
func (d *door) check(r events.JoinReply) error {
	if events.ValidID("peer id", r.PeerID) != nil || d.cfg.PeerID != "" && r.PeerID != d.cfg.PeerID {
		return events.Errorf(events.CodeInvalid, "the hub at %s admitted peer %q, not %q", d.url, r.PeerID, d.cfg.PeerID)
	}
	if r.RoomID != d.cfg.Room {
		return events.Errorf(events.CodeForbidden, "the hub at %s admitted us to room %q, not %q", d.url, r.RoomID, d.cfg.Room)
	}
	if r.Role != d.cfg.Role {
		return events.Errorf(events.CodeForbidden, "the token is for a %s, not a %s", r.Role, d.cfg.Role).
			WithTry("moothall token new --role %s --room %s", d.cfg.Role, d.cfg.Room)
	}
	if r.InboxPrefix != events.InboxPrefix(r.RoomID, r.PeerID) {
		return events.Errorf(events.CodeInvalid, "the hub at %s gave the inbox %q, which is not ours", d.url, r.InboxPrefix)
	}
	if d.cfg.InProcess == nil && len(r.NATSURLs) == 0 {
		return events.Errorf(events.CodeInvalid, "the hub at %s named no NATS server", d.url)
	}
	return nil
}

func (d *door) unreachable(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return events.Errorf(events.CodeCanceled, "joining room %q was canceled", d.cfg.Room)
	}
	if e := Untrusted(d.url, d.cfg.Token, err); e != nil {
		return e
	}
	return events.Errorf(events.CodeUnreachable, "no answer from the hub at %s (%s)", d.url, reason(err)).
		WithTry("is moothall up running there? Is the port open?")
}

// reason is the innermost cause, which is the part that a person can use.
func reason(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "none within " + joinTimeout.String()
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}
