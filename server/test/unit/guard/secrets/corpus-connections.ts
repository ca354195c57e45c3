/** Secrets that only what stands around them gives away, in commands and addresses; `§` is where the value goes. Made by chance. */
import type { Place } from './corpus-places.ts';
import { BASE64, HEX, URLSAFE } from './random.ts';

export const CONNECTIONS: readonly Place[] = [
  ['pgpass', 'db.acme.io:5432:shop:app:§\n', (r) => r.text(14)],
  ['pgpass star', '*:*:*:app:§\n', (r) => r.text(14)],
  ['go dsn', 'db, err := sql.Open("mysql", "app:§@tcp(db.acme.io:3306)/shop?parseTime=true")', (r) => r.text(14)],
  ['mssql url', 'sqlserver://sa:§@sql.acme.io:1433?database=shop', (r) => r.text(14)],
  [
    'mssql semicolon',
    'jdbc:sqlserver://sql.acme.io:1433;databaseName=shop;user=sa;password=§;encrypt=true',
    (r) => r.text(14),
  ],
  ['pwd', 'Data Source=sql.acme.io;Initial Catalog=shop;Uid=app;Pwd=§;', (r) => `${r.text(12)}!`],
  ['odbc', 'Driver={ODBC Driver 18 for SQL Server};Server=sql;UID=app;PWD={§};', (r) => r.text(14)],
  ['libpq', 'host=db.acme.io port=5432 user=app password=§ dbname=shop', (r) => r.text(14)],
  ['sqlalchemy', 'engine = create_engine("postgresql+psycopg2://app:§@db.acme.io/shop")', (r) => r.text(14)],
  ['clickhouse', 'clickhouse://default:§@ch.acme.io:9440/shop?secure=true', (r) => r.text(14)],
  ['neo4j', 'neo4j+s://neo4j:§@x.databases.neo4j.io', (r) => r.text(24)],
  ['smtp url', 'smtps://apikey:§@smtp.acme.io:465', (r) => r.text(20)],
  ['ftp', 'ftp://deploy:§@files.acme.io/www', (r) => r.text(10)],
  ['redis no user', 'redis://:§@cache.acme.io:6379/1', (r) => r.text(20)],
  ['redis cli', 'redis-cli -h cache.acme.io -a § PING', (r) => r.text(20)],
  ['psql env', 'PGPASSWORD=§ psql -h db.acme.io -U app', (r) => r.text(14)],
  ['mysql -p', 'mysql -h db.acme.io -u root -p§ shop', (r) => `${r.text(10)}7a`],
  ['mysql --password', 'mysqldump --password=§ shop > x.sql', (r) => r.text(14)],
  ['sshpass', "sshpass -p '§' ssh root@10.0.0.1", (r) => `${r.text(12)}1a`],
  ['mongo shell', 'mongosh "mongodb+srv://c.acme.mongodb.net" --username app --password §', (r) => r.text(14)],
  [
    'kafka jaas',
    'sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username="K" password="§";',
    (r) => r.text(64),
  ],
  ['docker login', 'docker login -u ada -p § registry.acme.io', (r) => `${r.text(16)}1a`],
  [
    'azure sas',
    'https://x.blob.core.windows.net/c/b.txt?sp=r&st=2026-01-01T00:00:00Z&sv=2024-11-04&sr=b&sig=§',
    (r) => encodeURIComponent(`${r.text(43, BASE64)}=`),
  ],
  [
    'logic apps',
    'https://prod-1.westeurope.logic.azure.com:443/workflows/x/triggers/manual/paths/invoke?api-version=2016-10-01&sp=%2Ftriggers&sv=1.0&sig=§',
    (r) => r.text(43, URLSAFE),
  ],
  [
    'signed url',
    'https://s3.amazonaws.com/b/k?X-Amz-Credential=x&X-Amz-Expires=900&X-Amz-Signature=§',
    (r) => r.text(64, HEX),
  ],
  [
    'github remote',
    'git remote add origin https://x-access-token:§@github.com/acme/app.git',
    (r) => `ghs_${r.text(36)}`,
  ],
  ['basic url', 'https://ada:§@api.acme.io/v1', (r) => r.text(14)],
  ['proxy', 'HTTPS_PROXY=http://svc:§@proxy.acme.io:3128', (r) => r.text(14)],
];
