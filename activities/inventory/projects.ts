import { randomBytes } from 'node:crypto';
import { HoldfastError } from '../../domain/errors';
import type { ProjectId } from '../../domain/ids';
import { ID_RANDOM_BYTES, makeId } from '../../domain/ids';
import type { Database } from './database';
import { first } from './database';
import type { Project, ProjectTable } from './inventory';
import { projectRow } from './rows';

export function projectTable(database: Database): ProjectTable {
  return {
    ensure: (name) => ensure(database, name),
    nameOf: (id) => nameOf(database, id),
  };
}

async function ensure(database: Database, name: string): Promise<Project> {
  const id = makeId('prj', Date.now(), randomBytes(ID_RANDOM_BYTES));
  await database.run('insert into projects (id, name) values ($1, $2) on conflict (name) do nothing', [id, name]);
  const [project] = await database.rows(projectRow, 'select id, name from projects where name = $1', [name]);
  if (!project) throw new TypeError('a project vanished');
  return project;
}

async function nameOf(database: Database, id: ProjectId): Promise<string> {
  const project = first(await database.rows(projectRow, 'select id, name from projects where id = $1', [id]));
  if (!project) throw new HoldfastError('NOT_FOUND', { kind: 'project', ref: id });
  return project.name;
}
