import type { Command } from 'commander';
import { addDev, addPush, type Process } from '../pushcommand.ts';
import { addApp } from './app.ts';
import { addCluster } from './cluster.ts';
import { addConfiguration } from './configuration.ts';
import { addGitConfig } from './gitconfig.ts';
import { addInstall } from './install.ts';
import { addManifest } from './manifest.ts';
import { addMigrate } from './migrate.ts';
import { addNamespace } from './namespace.ts';
import { addRoute } from './route.ts';

/** addCommands adds all commands. Nothing that a command does is loaded before it is asked for. */
export const addCommands = (program: Command, process: Process): void => {
  addPush(program, process);
  addDev(program, process);
  addApp(program, process);
  addConfiguration(program, process);
  addRoute(program, process);
  addNamespace(program, process);
  addCluster(program, process);
  addGitConfig(program, process);
  addManifest(program, process);
  addInstall(program, process);
  addMigrate(program, process);
};
