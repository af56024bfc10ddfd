// The gateway of ./dev bench peers as a NestJS team would write it: Fastify in front, the gRPC client behind, jose for
// tokens, and a mapper that makes the JSON of the contract. Plain JavaScript, so decorators are called by hand.
//
// node gateway.js PORT UPSTREAM DESCRIPTOR_SET JWKS_FILE
import "reflect-metadata";
import { readFileSync } from "node:fs";
import { loadFileDescriptorSetFromBuffer } from "@grpc/proto-loader";
import { Body, Controller, Get, Inject, Module, Param, Post, Query } from "@nestjs/common";
import { HttpException, UnauthorizedException } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { ClientsModule, Transport } from "@nestjs/microservices";
import { FastifyAdapter } from "@nestjs/platform-fastify";
import { importJWK, jwtVerify } from "jose";
import descriptor from "protobufjs/ext/descriptor/index.js";
import { map } from "rxjs";

const [port, upstream, descriptorSet, jwksFile] = process.argv.slice(2);

// The loader cannot parse the contracts' options, and names the fields of descriptors as they stand there; in the files it
// parses it would name them as JSON does.
const camel = (name) => name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());
const rename = (message) => {
  for (const field of message.field) field.name = camel(field.name);
  message.nestedType.forEach(rename);
};
const files = descriptor.FileDescriptorSet.decode(readFileSync(descriptorSet));
for (const file of files.file) file.messageType.forEach(rename);
const contracts = Buffer.from(descriptor.FileDescriptorSet.encode(files).finish());

// What the loader leaves to its user: words, times and the JSON inside.
const word = (name, prefix) => (name && !name.endsWith("_UNSPECIFIED") ? name.slice(prefix.length).toLowerCase() : null);
const enumOf = (value, prefix) => (value ? prefix + value.toUpperCase() : undefined);
const time = (at) => (at ? new Date(at.seconds * 1000 + at.nanos / 1e6).toISOString() : null);
const author = (card) => card && { ...card, profileType: word(card.profileType, "PROFILE_TYPE_") };
const card = (post) => post && {
  ...post,
  type: word(post.type, "POST_TYPE_"),
  author: author(post.author),
  metadata: JSON.parse(post.metadata),
  visibility: word(post.visibility, "POST_VISIBILITY_"),
  createdAt: time(post.createdAt),
  publishedAt: time(post.publishedAt),
  updatedAt: time(post.updatedAt),
};
const whole = (post) => ({
  ...card(post),
  bodyFormat: word(post.bodyFormat, "BODY_FORMAT_"),
  status: word(post.status, "POST_STATUS_"),
  publishAt: time(post.publishAt),
  targetProfileTypes: post.targetProfileTypes.map((type) => word(type, "PROFILE_TYPE_")),
  sharedPost: card(post.sharedPost),
});
const page = (reply) => ({ ...reply, items: reply.items.map(card) });

class FeedController {
  constructor(client) {
    this.client = client;
  }

  onModuleInit() {
    this.feed = this.client.getService("FeedService");
  }

  getPost(id) {
    return this.feed.getPost({ id }).pipe(map(whole));
  }

  listFeed(query) {
    return this.feed.listFeed({ ...query, limit: query.limit && Number(query.limit) }).pipe(map(page));
  }

  createPost(body) {
    const request = {
      ...body,
      type: enumOf(body.type, "POST_TYPE_"),
      visibility: enumOf(body.visibility, "POST_VISIBILITY_"),
      bodyFormat: enumOf(body.bodyFormat, "BODY_FORMAT_"),
      metadata: body.metadata && JSON.stringify(body.metadata),
    };
    return this.feed.createPost(request).pipe(map(whole));
  }
}

const handle = (name, route, parameter) => {
  route(FeedController.prototype, name, Object.getOwnPropertyDescriptor(FeedController.prototype, name));
  parameter(FeedController.prototype, name, 0);
};
handle("getPost", Get("posts/:id"), Param("id"));
handle("listFeed", Get("feed"), Query());
handle("createPost", Post("posts"), Body());
Inject("FEED")(FeedController, undefined, 0);
Controller("api/v1")(FeedController);

// Counts requests by address, in this process.
class LimitGuard {
  counted = new Map();

  canActivate(context) {
    const { ip } = context.switchToHttp().getRequest();
    const now = Date.now();
    let window = this.counted.get(ip);
    if (!window || now - window.begun > 60_000) this.counted.set(ip, (window = { begun: now, count: 0 }));
    if (++window.count > 1e12) throw new HttpException("Too many requests", 429);
    return true;
  }
}

class TokenGuard {
  constructor(key) {
    this.key = key;
  }

  async canActivate(context) {
    const request = context.switchToHttp().getRequest();
    const header = request.headers.authorization;
    if (!header) {
      if (request.method === "GET") return true;
      throw new UnauthorizedException();
    }
    try {
      const options = { issuer: "smilefactory", audience: "smilefactory-api", algorithms: ["ES256"] };
      request.user = (await jwtVerify(header.slice("Bearer ".length), this.key, options)).payload;
      return true;
    } catch {
      throw new UnauthorizedException();
    }
  }
}

class AppModule {}
Module({
  imports: [
    ClientsModule.register([
      {
        name: "FEED",
        transport: Transport.GRPC,
        options: {
          url: upstream,
          package: "smilefactory.feed.v1",
          packageDefinition: loadFileDescriptorSetFromBuffer(contracts, {
            longs: Number,
            enums: String,
            defaults: true,
          }),
        },
      },
    ]),
  ],
  controllers: [FeedController],
})(AppModule);

const { keys } = JSON.parse(readFileSync(jwksFile, "utf8"));
const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: ["error"] });
app.useGlobalGuards(new LimitGuard(), new TokenGuard(await importJWK(keys[0], "ES256")));
await app.listen(Number(port), "127.0.0.1");
