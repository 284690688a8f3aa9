// Command key makes the key of an installation, if there is none: the parameter that
// JOURNEYS_KEY names. `make deploy` calls it. A key is never replaced, since what was
// hashed under it could not be found again.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"journeys/internal/manifest"
	"journeys/internal/provider/secret"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := makeKey(ctx, os.Getenv(manifest.EnvKey), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "key:", err)
		os.Exit(1)
	}
}

// makeKey makes the key at a place, "" for the default one.
func makeKey(ctx context.Context, text string, out io.Writer) error {
	place, ok := secret.ParsePlace(cmp.Or(text, manifest.DefaultKey))
	switch {
	case !ok:
		return errors.New(manifest.EnvKey + ` must be "ssm:" and the name of a parameter, or "secretsmanager:" and the name or the ARN of a secret`)
	case place.Store != secret.Parameter:
		_, _ = fmt.Fprintf(out, "key: %s is yours to make (docs/deployment.md, The key)\n", place)
		return nil
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	value := make([]byte, 32)
	_, _ = rand.Read(value) // never fails
	_, err = ssm.NewFromConfig(cfg).PutParameter(ctx, &ssm.PutParameterInput{
		Name: aws.String(place.Name), Type: types.ParameterTypeSecureString, Overwrite: aws.Bool(false),
		Value:       aws.String(base64.StdEncoding.EncodeToString(value)),
		Description: aws.String("Journeys: key of hashes and tokens; never change or delete it"),
	})
	var exists *types.ParameterAlreadyExists
	switch {
	case errors.As(err, &exists):
		_, _ = fmt.Fprintf(out, "key: %s is there\n", place)
		return nil
	case err != nil:
		return fmt.Errorf("make the parameter %s: %w", place.Name, err)
	}
	_, _ = fmt.Fprintf(out, "key: %s made\n", place)
	return nil
}
