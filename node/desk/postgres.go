package desk

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/weirdata/weir/consensus/durable"
	"github.com/weirdata/weir/node/client"
	"github.com/weirdata/weir/node/desk/postgres"
	"github.com/weirdata/weir/node/desk/postgres/pgcatalog"
)

// passwordFile is the file, in the directory of a desk, with the password of its Postgres, as libpq reads it.
const passwordFile = "desk.pgpass"

// PostgresAccess is what a tool needs to connect.
type PostgresAccess struct {
	Host         string `json:"host"`
	Port         string `json:"port"`
	Database     string `json:"database"`
	User         string `json:"user"`
	PasswordFile string `json:"password_file"`
}

// listenPostgres listens where the options say that Postgres' protocol is spoken.
func (d *Desk) listenPostgres() error {
	if d.options.Postgres == "" {
		return nil
	}
	if d.options.Client.Key() == nil {
		return fmt.Errorf("speak Postgres' protocol: %w", client.ErrNoKey)
	}
	password, err := keptPassword(d.options.Dir)
	if err != nil {
		return err
	}
	d.postgres, err = postgres.Listen(d.options.Postgres, postgres.Options{
		Asker: &postgres.Desk{Buyer: d.buyer, Client: d.options.Client}, Password: password, ReadOnly: d.options.ReadOnly, Dir: d.options.Dir, Logger: d.options.Logger,
	})
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(d.postgres.Addr())
	if err != nil {
		return fmt.Errorf("read the address of the port: %w", err)
	}
	d.access = &PostgresAccess{host, port, pgcatalog.Database, pgcatalog.User, filepath.Join(d.options.Dir, passwordFile)}
	line := strings.Join([]string{strings.ReplaceAll(host, ":", `\:`), port, pgcatalog.Database, pgcatalog.User, password}, ":") + "\n"
	if err := durable.WriteFile(d.access.PasswordFile, []byte(line), 0o600); err != nil {
		return fmt.Errorf("write the password of Postgres' protocol: %w", err)
	}
	return nil
}

// keptPassword is the password that the tools of this person have already, or a new one. Tools keep it with their
// connections, so it outlives the desk; whoever removes the file makes it void.
func keptPassword(dir string) (string, error) {
	file := filepath.Join(dir, passwordFile)
	info, err := os.Stat(file)
	if os.IsNotExist(err) || err == nil && info.Mode().Perm() != 0o600 { // others may have read it
		return secret(), nil
	}
	if err != nil {
		return "", fmt.Errorf("look for the password of Postgres' protocol: %w", err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the password of Postgres' protocol: %w", err)
	}
	line := strings.TrimSpace(string(b))
	password := line[strings.LastIndexByte(line, ':')+1:]
	if len(password) != len(secret()) {
		return secret(), nil
	}
	return password, nil
}

// Tools answers GET /api/tools: how tools on this machine connect. The password is in none of it.
type Tools struct {
	Postgres *PostgresAccess `json:"postgres,omitempty"` // absent: the desk does not speak Postgres' protocol
	Listen   string          `json:"listen"`             // where it would, unless told otherwise
	Key      bool            `json:"key"`                // whether the desk has one, without which there are no figures
}

func (d *Desk) tools(context.Context, struct{}) (Tools, error) {
	return Tools{Postgres: d.access, Listen: postgres.DefaultListen, Key: d.options.Client.Key() != nil}, nil
}

// Postgres is how tools connect; nil: the desk does not speak Postgres' protocol.
func (d *Desk) Postgres() *PostgresAccess { return d.access }

// servePostgres serves until ctx ends; what it returns waits for that.
func (d *Desk) servePostgres(ctx context.Context) (wait func() error) {
	if d.postgres == nil {
		return func() error { return nil }
	}
	served := make(chan error, 1)
	go func() { served <- d.postgres.Serve(ctx) }()
	return func() error { return <-served }
}
