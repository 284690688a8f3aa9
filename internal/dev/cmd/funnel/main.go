// Command funnel draws the funnel of the journey JOURNEY of the tenant TENANT,
// from the API that `make run` serves on PORT. `make funnel` calls it.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"journeys/internal/dev/client"
	"journeys/internal/dev/funnel"
	"journeys/internal/dev/issuer"
	"journeys/internal/manifest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := draw(ctx, os.Getenv("JOURNEY"), os.Getenv("TENANT"), os.Getenv("PORT")); err != nil {
		fmt.Fprintln(os.Stderr, "funnel:", err)
		os.Exit(1)
	}
}

func draw(ctx context.Context, journey, tenant, port string) error {
	if journey == "" {
		return errors.New("name the journey: make funnel JOURNEY=jrn_…")
	}
	issuer, err := issuer.Open(".local")
	if err != nil {
		return err
	}
	token, err := issuer.Token(tenant, manifest.Viewer, time.Now())
	if err != nil {
		return err
	}
	a, err := funnel.Read(ctx, &client.Client{
		Base: "http://127.0.0.1:" + port + manifest.BasePath, Token: client.Fixed(token),
		HTTP: &http.Client{Timeout: 30 * time.Second},
	}, journey)
	var refused *client.StatusError
	switch {
	case errors.As(err, &refused) && refused.Status == http.StatusNotFound:
		return fmt.Errorf("tenant %s has no journey %s: give its JOURNEY= and TENANT=", tenant, journey)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("no API on port %s: start `make run`, or give its PORT=", port)
	case err != nil:
		return err
	}
	fmt.Printf("%s\n\n%s\n", a.Summary(), strings.Join(a.Lines(), "\n"))
	return nil
}
