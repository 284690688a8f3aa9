// Command infra is the CDK app. It synthesizes one stack per stage from
// internal/manifest, with the functions that `make build` left in dist/. Settings
// come from the environment (see settings.go). It needs no AWS credentials.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// dist is relative to the folder of cdk.json, in which the CDK CLI starts the app.
const dist = "../dist"

func main() {
	s, err := readSettings(os.Getenv)
	if err = errors.Join(err, checkDist(dist, s.arch)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer jsii.Close()
	newApp(s, dist, nil).Synth(nil)
}

// newApp returns the app with one stack for each stage in the settings, checked by
// the AwsSolutions rules of cdk-nag. Templates are written to outdir; nil means
// where the CDK CLI expects them.
func newApp(s settings, dist string, outdir *string) awscdk.App {
	app := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: jsii.Bool(false), Outdir: outdir})
	for _, stage := range s.stages {
		newStack(app, stage, s, dist)
	}
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{
		Verbose: jsii.Bool(true), Reports: jsii.Bool(false),
	}), nil)
	return app
}
