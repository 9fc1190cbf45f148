package notice

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
)

// ErrAddress is returned for an address that no notice can be sent to.
var ErrAddress = errors.New("notices go to an address that begins with https://, or with http:// on this machine")

// CheckURL refuses an address to which notices would go in the clear.
func CheckURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "127.0.0.1" && u.Hostname() != "::1")) {
		return ErrAddress
	}
	return nil
}

// Teller tells notices to a webhook, as JSON that is posted, and to a command, which is run with the kind and the subject
// as arguments and the sentence as standard input. Either may be empty.
func Teller(address, command string) func(context.Context, Notice) error {
	if address == "" && command == "" {
		return nil
	}
	return func(ctx context.Context, n Notice) error {
		var post, run error
		if address != "" {
			post = postTo(ctx, address, n)
		}
		if command != "" {
			c := exec.CommandContext(ctx, command, n.Kind, n.Of) //nolint:gosec // G204: the person's own command
			c.Stdin, c.Stdout, c.Stderr = bytes.NewReader([]byte(n.Words+"\n")), os.Stderr, os.Stderr
			if err := c.Run(); err != nil {
				run = fmt.Errorf("run %s for a notice: %w", command, err)
			}
		}
		return errors.Join(post, run)
	}
}

// postTo posts a notice. The address is not in the error: it may have a secret in it.
func postTo(ctx context.Context, address string, n Notice) error {
	b, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("write a notice: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(b))
	if err != nil {
		return ErrAddress
	}
	r.Header.Set("Content-Type", "application/json")
	if u := r.URL.User; u != nil { // a transport leaves it out
		password, _ := u.Password()
		r.SetBasicAuth(u.Username(), password)
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}
	answer, err := transport.RoundTrip(r) // a redirection is not followed: the notice is for nobody else
	if err != nil {
		return fmt.Errorf("post a notice: %w", err)
	}
	if err := answer.Body.Close(); err != nil {
		return fmt.Errorf("post a notice: %w", err)
	}
	if answer.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("post a notice: it was answered with %s", answer.Status)
	}
	return nil
}
