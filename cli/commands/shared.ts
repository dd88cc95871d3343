import { Option, type Command } from 'commander';
import { duration } from '../clusterflags.ts';

/** withForm adds -o to a command that shows something. */
export const withForm = (command: Command): Command =>
  command.option('-o, --output <form>', 'json, yaml, name or wide; without it, a table for people');

/** withChange adds what every change of an App has. */
export const withChange = (command: Command): Command =>
  command
    .option('--force', 'take the field over from the tool that manages it', false)
    .option('--wait', 'wait until the App is as it should be', false)
    .addOption(new Option('--timeout <time>', 'how long to wait').argParser(duration).default(900_000, '15m'));

/** withYes adds -y to a command that asks. */
export const withYes = (command: Command): Command => command.option('-y, --yes', 'do not ask', false);
