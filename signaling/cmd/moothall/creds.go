package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nkeys"
	"github.com/spf13/cobra"

	"github.com/moothall/moothall/embedded"
	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/signaling"
)

func (p *program) credsCommand() *cobra.Command {
	var token, room string
	cmd := &cobra.Command{
		Use: "creds", Short: "Print NATS credentials for a join token", Args: noArguments,
		Long: "Print NATS credentials for a join token, for stock NATS tools. They end with the token; those that\n" +
			"the hub of --hub gives, as it gives to peers, after an hour. That needs no admin token.\n" +
			"The token is an argument here; others on this machine may see it. MOOT_TOKEN is read too.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := p.settings(cmd)
			if err != nil {
				return err
			}
			if token == "" {
				token = os.Getenv("MOOT_TOKEN")
			}
			if token == "" {
				return usage(cmd, "no token: --token T, or MOOT_TOKEN")
			}
			if p.flags.hub != "" {
				if room == "" {
					room = os.Getenv("MOOT_ROOM")
				}
				if room == "" {
					return usage(cmd, "no room: --room R, or MOOT_ROOM, with --hub")
				}
				return p.credsOf(cmd.Context(), room, token)
			}
			return p.creds(s, token, time.Now())
		},
	}
	cmd.Flags().StringVar(&token, "token", "", "the join token (MOOT_TOKEN)")
	cmd.Flags().StringVar(&p.flags.nats, "nats", "", "address of NATS to name in the file (MOOTHALL_NATS)")
	cmd.Flags().StringVar(&room, "room", "", "the token's room, with --hub (MOOT_ROOM)")
	cmd.Flags().StringVar(&p.flags.hub, "hub", "", "the hub's URL, instead of --data")
	return p.withData(cmd)
}

func (p *program) creds(s settings, token string, now time.Time) error {
	data, err := findData(s.Data)
	if err != nil {
		return err
	}
	tokens, err := data.tokens()
	if err != nil {
		return err
	}
	info, err := tokens.Check(token, now)
	if err != nil {
		return err
	}
	if info.PeerID != "" {
		return events.Errorf(events.CodeForbidden, "this token is for peer %q, which must join the running hub itself", info.PeerID).
			WithTry("a token without --peer")
	}
	keys, err := data.keys()
	if err != nil {
		return err
	}
	c, err := mintCredentials(keys, info.Role, info.Room, info.Expires.Time)
	if err != nil {
		return err
	}
	u := c.user
	// So that to revoke the token is to refuse these too.
	err = tokens.Admit(info, signaling.Admitted{NKey: u.NKey, Room: u.Room, Peer: u.Peer, Until: u.Expires, At: now})
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(p.out, c.file(reachableURL(s.NATS), "FILE"))
	return err
}

// credsOf joins a hub elsewhere, as a peer does, with a key of its own.
func (p *program) credsOf(ctx context.Context, room, text string) error {
	key, err := nkeys.CreateUser()
	if err != nil {
		return err
	}
	public, err := key.PublicKey()
	if err != nil {
		return err
	}
	token, pin := events.SplitToken(text)
	hub := &operator{url: strings.TrimSuffix(p.flags.hub, "/"), http: newHTTP(pin)}
	var reply events.JoinReply
	q := events.JoinRequest{Token: token, NKey: public, Protocol: events.ProtocolVersion}
	if err := hub.send(ctx, http.MethodPost, "/v1/rooms/"+url.PathEscape(room)+"/join", q, &reply); err != nil {
		return err
	}
	file, err := embedded.FormatCreds(reply.JWT, key)
	if err != nil || len(reply.NATSURLs) == 0 {
		return events.Errorf(events.CodeUnreachable, "the hub at %s gave no credentials: %v", hub.url, err)
	}
	c := credentials{text: string(file), user: embedded.User{Role: reply.Role, Room: reply.RoomID, Peer: reply.PeerID, NKey: public, Expires: reply.Expires.Time}}
	_, err = fmt.Fprint(p.out, c.file(reply.NATSURLs[0], "FILE"))
	return err
}

// reachableURL is an address to listen on, as something to connect to from here.
func reachableURL(addr string) string {
	host, port, _ := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "nats://" + net.JoinHostPort(host, port)
}

// credentials of a peer with a key of its own, for stock NATS tools.
type credentials struct {
	user embedded.User
	text string // the JWT and the key, as such tools read them
}

func mintCredentials(keys *embedded.Keys, role events.Role, room string, expires time.Time) (credentials, error) {
	key, err := nkeys.CreateUser()
	if err != nil {
		return credentials{}, err
	}
	public, err := key.PublicKey()
	if err != nil {
		return credentials{}, err
	}
	u := embedded.User{Role: role, Room: room, Peer: events.DerivedID(role, public), NKey: public, Expires: expires}
	text, err := keys.MintCreds(u, key)
	return credentials{user: u, text: string(text)}, err
}

// file is the credentials with a header that says how to use them.
func (c credentials) file(url, path string) string {
	u := c.user
	inbox := events.InboxPrefix(u.Room, u.Peer)
	nats := fmt.Sprintf("nats --server %s --creds %s", url, path)
	return strings.Join([]string{
		fmt.Sprintf("# %s of room %s until %s, as %s", u.Role, u.Room, u.Expires.UTC().Format(time.RFC3339), u.Peer),
		"# " + nats + " sub " + events.EventSubject(u.Room, events.EventAdmin),
		"# " + nats + " sub '" + events.EventSubject(u.Room, ">") + "'",
		"# " + nats + " req --inbox-prefix " + inbox + " " + events.ServiceSubject(u.Room, events.VerbInfo, u.Peer) + " '{}'",
		c.text,
	}, "\n")
}
