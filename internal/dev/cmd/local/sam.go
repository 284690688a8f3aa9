package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"journeys/internal/dev/local"
	"journeys/internal/manifest"
)

// samAPI serves the API from SAM CLI's containers until it is told to stop.
func samAPI(ctx context.Context) error {
	port, err := port(3000)
	if err != nil {
		return err
	}
	ephemeral, err := flag("EPHEMERAL")
	if err != nil {
		return err
	}
	// SAM CLI takes the port itself; who comes second is told early.
	listener, err := listen(ctx, port)
	if err != nil {
		return err
	}
	if err := listener.Close(); err != nil {
		return err
	}
	data := filepath.Join(".local", strconv.Itoa(port))
	if ephemeral {
		data = ""
	}
	sam, err := openSAM(ctx, data)
	if err != nil {
		return err
	}
	defer sam.Stop()
	url, ended, err := sam.Serve(ctx, port)
	if err != nil {
		return err
	}
	fmt.Printf("\nSAM CLI serves the API at %s%s. Ctrl-C stops it. make token prints a token.\n\nready %s\n",
		url, manifest.BasePath, url)
	select {
	case <-ctx.Done():
		fmt.Println("stopping")
		return nil
	case <-ended:
		return errors.New("SAM CLI ended by itself")
	case <-sam.DynamoDB.Ended():
		return errors.New("DynamoDB Local ended by itself")
	}
}

// samInvoke calls a function with its event. The table is empty and ends with
// the call.
func samInvoke(ctx context.Context) error {
	functions := manifest.Functions()
	i := slices.IndexFunc(functions, func(f manifest.Function) bool { return f.LogicalID() == os.Getenv("FUNCTION") })
	if i < 0 {
		var names []string
		for _, f := range functions {
			names = append(names, f.LogicalID())
		}
		return fmt.Errorf("say which function: FUNCTION= one of %s", strings.Join(names, ", "))
	}
	sam, err := openSAM(ctx, "")
	if err != nil {
		return err
	}
	defer sam.Stop()
	err = sam.Invoke(ctx, functions[i], filepath.Join("events", functions[i].Name+".json"))
	fmt.Println() // the answer ends without one
	return err
}

// openSAM builds for the containers, which are of Linux wherever they run.
func openSAM(ctx context.Context, data string) (*local.SAM, error) {
	if _, err := exec.LookPath("sam"); err != nil {
		return nil, local.ErrNoSAM
	}
	if err := prepare(ctx, ".", "linux/"+runtime.GOARCH); err != nil {
		return nil, err
	}
	fmt.Fprintln(os.Stderr, "starting DynamoDB Local and SAM CLI")
	return local.OpenSAM(ctx, local.SAMOptions{Root: ".", Data: data, Out: os.Stdout, Log: os.Stderr})
}
